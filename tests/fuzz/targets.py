"""What is fuzzed: bytes go in, and either a report that keeps its promises comes out or a ReadError.

Nothing of atheris is in here, so that a find can be run again without it:
`python -m tests.fuzz docx --replay crash-…`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from lawgov_nlp import readers
from lawgov_nlp.annotation.markup import parse_markup as parse_markup
from lawgov_nlp.annotation.markup import to_markup as write_markup
from lawgov_nlp.errors import MarkupError, ReadError
from lawgov_nlp.readers.structure import parse_report
from tests import files
from tests.fuzz import mutators
from tests.invariants import check_quantities, check_report, check_source

ROOT = Path(__file__).resolve().parents[2]
_MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())

Mutator = Callable[..., bytes]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A thing to fuzz.

    Attributes:
        run: Takes the input; raises where a promise is broken.
        mutate: As in `mutators`.
        seeds: Gives the inputs to begin with.
        longest: Bytes of an input.
    """

    run: Callable[[bytes], None]
    mutate: Mutator
    seeds: Callable[[], Iterable[bytes]]
    longest: int = mutators.LONGEST


def _file_reader(suffix: str) -> Callable[[bytes], None]:
    path = _MEMORY / f"lawgov-fuzz-{os.getpid()}{suffix}"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        refusal = None
        try:
            # LibreOffice is hidden, whatever the content is: it isn't ours to fuzz, and takes seconds a file
            with mock.patch("shutil.which", return_value=None):
                source = readers.read_file(path)
        except ReadError as error:
            refusal = str(error)
        finally:
            path.unlink()
        if refusal is not None:
            assert str(path) in refusal
            return
        check_source(source)
        check_report(parse_report(source.text))

    return run


def _any_file(data: bytes) -> None:
    """The first byte chooses the suffix."""
    suffix = readers.SUFFIXES[data[0] % len(readers.SUFFIXES)] if data else ".txt"
    _file_reader(suffix)(data[1:])


def _structure(data: bytes) -> None:
    check_report(parse_report(data.decode("utf-8", "ignore")))


def _quantity(data: bytes) -> None:
    check_quantities(data.decode("utf-8", "ignore"))


def _markup(data: bytes) -> None:
    try:
        report = parse_markup(data.decode("utf-8", "ignore"), "x")
    except MarkupError:
        return
    assert parse_markup(write_markup(report), "x") == report


def _text_seeds() -> list[str]:
    whole = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data" / "sample_texts").glob("*.txt"))]
    short = "某政〔2024〕8号\n青柳镇2023年法治政府建设报告\n县政府：\n{}\n青柳镇人民政府\n2024年1月8日\n附件：1.统计表\n打印本页"
    bodies = (
        "一、成效\n（一）健全机制。走访300余户、1.9万人次。\n1.学法\n全年学法12次。\n二、不足\n一是力量弱。",
        "目录\n一、成效……1\n二、打算……3\n一、成效\n- 3 -\n1. 学法\n(1)讲座3至5场\n二、打算\n继续推进。",
    )
    return [*(text[:3000] for text in whole), *map(short.format, bodies)]


def _written(write: Callable[..., None], suffix: str, **settings: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed{suffix}"
        write(path, _text_seeds()[-2].split("\n"), **settings)
        return path.read_bytes()


def _samples(suffix: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "data" / "samples").glob(f"*{suffix}"))]


def _docx_seeds() -> list[bytes]:
    return [*_samples(".docx"), _written(files.write_docx, ".docx"), mutators.zipped(_RICH_DOCX)]


def _pdf_seeds() -> list[bytes]:
    from reportlab import rl_config
    from reportlab.pdfgen.canvas import Canvas

    rl_config.pageCompression, rl_config.useA85 = 0, 0  # plain streams can be mutated
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latin.pdf"
        canvas = Canvas(str(path), pagesize=(595, 842))
        for page in range(3):
            canvas.drawString(60, 810, "Report on law-based government")
            for row in range(12):
                canvas.drawString(
                    60 + 24 * (row % 4 == 0),
                    760 - 20 * row,
                    f"{row}. In 2023 we held {row * 7} talks, all of them useful",
                )
            canvas.drawString(300, 30, f"- {page + 1} -")
            canvas.rotate(90)
            canvas.drawString(300, -500, "copy")
            canvas.showPage()
        canvas.save()
        return [path.read_bytes(), _written(files.write_pdf, ".pdf")]


def _html_seeds() -> list[bytes]:
    return [
        *_samples(".html"),
        _written(files.write_html, ".html"),
        _written(files.write_html, ".html", encoding="gb18030"),
    ]


def _txt_seeds() -> list[bytes]:
    return [text[:1200].encode(encoding, "ignore") for text in _text_seeds()[-2:] for encoding in mutators.ENCODINGS]


def _any_seeds() -> list[bytes]:
    heads = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
        b"{\\rtf1 x}",
        b"MIME-Version: 1.0",
        b"<html><p>x",
        b"%PDF-1.4",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"II*\0\x08\0\0\0",
    )
    return [bytes([n]) + head for n in range(len(readers.SUFFIXES)) for head in heads]


def _quantity_seeds() -> list[bytes]:
    return [
        "近300余份、1.9万人次；百分之三十至五十".encode(),
        "三、四起，九成五，二十余万件，5千克，1,234.5万元，负3/4".encode(),
    ]


def _markup_seeds() -> list[bytes]:
    return [path.read_bytes()[:3000] for path in sorted((ROOT / "data" / "reports").glob("*.txt"))[:3]]


_MAIN = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
_FIELD = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
_NUMBERED = '<w:p><w:pPr><w:pStyle w:val="{}"/><w:numPr><w:ilvl w:val="{}"/><w:numId w:val="{}"/></w:numPr></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'
_RICH_DOCX = {
    "_rels/.rels": f'<Relationships {_PACKAGE}><Relationship Id="a" Type="{_RELS}/officeDocument" Target="word/document.xml"/></Relationships>'.encode(),
    "word/_rels/document.xml.rels": (
        f'<Relationships {_PACKAGE}>'
        + "".join(f'<Relationship Id="{k}" Type="{_RELS}/{k}" Target="{k}.xml"/>' for k in ("numbering", "styles", "footnotes"))
        + "</Relationships>"
    ).encode(),
    "word/document.xml": (
        f"<w:document {_MAIN}><w:body><w:p><w:r><w:t>青柳镇2023年法治政府建设报告</w:t></w:r></w:p><w:p>"
        + _FIELD.format("begin") + "<w:r><w:instrText>TOC \\o</w:instrText></w:r>" + _FIELD.format("separate")
        + "<w:r><w:t>一、成效</w:t><w:tab/></w:r>" + _FIELD.format("end") + "</w:p>"
        + "".join(_NUMBERED.format("H", level % 3, 7 + level % 2, f"健全机制{level}。走访{level}户。") for level in range(6))
        + '<w:p><w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr><w:ins><w:r><w:t>合并</w:t></w:r></w:ins></w:p>'
        "<w:p><w:del><w:r><w:delText>旧</w:delText></w:r></w:del><w:r><w:t>新</w:t><w:br/><w:noBreakHyphen/></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p><w:r><w:t>项目</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:p><w:r><w:t>3件</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p/></w:tc></w:tr></w:tbl>"
        "<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>框</w:t></w:r></w:p></w:txbxContent></mc:Choice>"
        "<mc:Fallback><w:t>框</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p><w:altChunk/></w:body></w:document>"
    ).encode(),
    "word/numbering.xml": (
        f'<w:numbering {_MAIN}><w:abstractNum w:abstractNumId="1">'
        + "".join(
            f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{fmt}"/><w:lvlText w:val="{shown}"/></w:lvl>'
            for n, (fmt, shown) in enumerate((("chineseCounting", "%1、"), ("upperLetter", "（%2）"), ("lowerRoman", "%1.%3")))
        )
        + '</w:abstractNum><w:abstractNum w:abstractNumId="2"><w:numStyleLink w:val="H"/></w:abstractNum>'
        '<w:num w:numId="7"><w:abstractNumId w:val="1"/></w:num>'
        '<w:num w:numId="8"><w:abstractNumId w:val="2"/><w:lvlOverride w:ilvl="1"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>'
    ).encode(),
    "word/styles.xml": (
        f'<w:styles {_MAIN}><w:style w:type="paragraph" w:default="1" w:styleId="N"/><w:style w:type="paragraph" w:styleId="H">'
        '<w:basedOn w:val="N"/><w:pPr><w:numPr><w:numId w:val="7"/></w:numPr></w:pPr></w:style></w:styles>'
    ).encode(),
    "word/footnotes.xml": f"<w:footnotes {_MAIN}><w:footnote><w:p><w:r><w:t>注</w:t></w:r></w:p></w:footnote></w:footnotes>".encode(),
}  # fmt: skip

TARGETS: dict[str, Target] = {
    "docx": Target(run=_file_reader(".docx"), mutate=mutators.docx, seeds=_docx_seeds),
    "pdf": Target(run=_file_reader(".pdf"), mutate=mutators.pdf, seeds=_pdf_seeds),
    "html": Target(run=_file_reader(".html"), mutate=mutators.html, seeds=_html_seeds),
    "txt": Target(run=_file_reader(".txt"), mutate=mutators.encoded, seeds=_txt_seeds),
    "file": Target(run=_any_file, mutate=mutators.encoded, seeds=_any_seeds),
    "structure": Target(
        run=_structure, mutate=mutators.text, seeds=lambda: [t.encode() for t in _text_seeds()], longest=20_000
    ),
    "quantity": Target(run=_quantity, mutate=mutators.text, seeds=_quantity_seeds, longest=3000),
    "markup": Target(run=_markup, mutate=mutators.text, seeds=_markup_seeds),
}
