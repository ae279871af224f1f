"""How well scans are read: our own reports, drawn as pages and spoiled as scanners spoil them, read again by OCR.

    python benchmarks/ocr.py [--reports 6] [--only "200 dpi"] [--model tiny]

Each row is one way to scan. `CER`: edits by character between the text of the reports and what was read, white space
aside. `paragraphs`: F1 of whole paragraphs and headings as they are in the report, to the character. `indicators`:
F1 of name, number and unit, against what the same model finds in the report's own text. `numbers`: F1 of number and
unit alone. Beside it the seconds of processor time a page takes, and the memory of the process at its peak. How sure
lines were that hold an error, and others, is told at the end.
"""

from __future__ import annotations

import argparse
import io
import platform
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lawgov_nlp.annotation.markup import read_markup
from lawgov_nlp.api import tag_report
from lawgov_nlp.readers.load import read_report
from lawgov_nlp.report import Report
from lawgov_nlp.results.tagged_report import TaggedReport

REPORTS = Path(__file__).resolve().parents[1] / "data" / "reports"
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/System/Library/Fonts/Supplemental/Songti.ttc",
    "C:/Windows/Fonts/simsun.ttc",
)
_ROW, _LEAD, _SIZE, _ROWS = 28, 28.0, 16.0, 22
_LEFT, _TOP = 76.0, 105.0
_NEVER_FIRST = "，。、；：？！）】》〉”’％%"


@lru_cache
def chinese_font() -> str:
    """The file of a Chinese font that this machine has.

    Raises:
        FileNotFoundError: It has none of those that are known here.
    """
    found = next((font for font in FONTS if Path(font).exists()), None)
    if found is None:
        raise FileNotFoundError("no Chinese font on this machine; Debian's fonts-noto-cjk has one")
    return found


@lru_cache(maxsize=64)
def _face(font: str, pixels: int) -> ImageFont.FreeTypeFont:
    index = 2 if font.endswith(".ttc") and "Noto" in font else 0  # of Noto's faces, the one for mainland China
    return ImageFont.truetype(font, pixels, index=index)


def draw_lines(lines: Sequence[str], dpi: int, font: str, *, title: Sequence[str] = (), number: int = 0) -> Image.Image:
    """An A4 page as Word sets it: titles in the middle, 28 characters a line, a page number."""
    points = dpi / 72
    page = Image.new("L", (round(595 * points), round(842 * points)), 255)
    draw = ImageDraw.Draw(page)
    y = _TOP
    for text in title:
        draw.text((297 * points, y * points), text, font=_face(font, round(22 * points)), fill=0, anchor="ms")
        y += 34
    face = _face(font, round(_SIZE * points))
    for line in lines:
        x = _LEFT
        if line.startswith("\t"):  # a sign-off at the right
            x = _LEFT + _SIZE * (_ROW - 4) - sum(map(_width, line.strip())) * _SIZE
        chars = line.strip("\t")
        # Full lines are set to the edge, as Word sets them.
        spare = _ROW - sum(map(_width, chars))
        step = spare / (len(chars) - 1) * _SIZE if len(chars) > 1 and abs(spare) <= 1.5 and "\t" not in line else 0.0
        for char in chars:
            draw.text((x * points, y * points), char, font=face, fill=0, anchor="ls")
            x += _width(char) * _SIZE + step
        y += _LEAD
    if number:
        draw.text(
            (297 * points, 790 * points), f"- {number} -", font=_face(font, round(14 * points)), fill=0, anchor="ms"
        )
    return page


@lru_cache(maxsize=10_000)
def _width(char: str) -> float:
    """The width of a character in ems."""
    return _face(chinese_font(), 100).getlength(char) / 100


def _wrapped(paragraph: str) -> list[str]:
    """The printed lines of a paragraph: no line begins with a closing mark, and no number is broken."""
    lines, line, width = [], "　　", 2.0
    pieces: list[str] = []
    for char in paragraph:
        joined = pieces and ((char in _NEVER_FIRST) or (char.isascii() and pieces[-1][-1].isascii()))
        if joined:
            pieces[-1] += char
        else:
            pieces.append(char)
    for piece in pieces:
        size = sum(map(_width, piece))
        # A closing mark is squeezed in, as Word does it.
        if width + size - 1.0 * (piece[-1] in _NEVER_FIRST) > _ROW and line.strip("　"):
            lines.append(line)
            line, width = "", 0.0
        line, width = line + piece, width + size
    return [*lines, line]


def pages_of(report: Report, dpi: int) -> list[Image.Image]:
    """The pages of a report, grey; the last one has the sign-off."""
    titles = (u.text for u in report.units if u.kind.value == "title")
    title = [text[at : at + 20] for text in titles for at in range(0, len(text), 20)]
    rows: list[str] = []
    for unit in report.units:
        if unit.kind.value == "salutation":
            rows.append(unit.text)
        elif unit.kind.value in ("body", "heading"):
            rows += _wrapped(unit.text)
        elif unit.kind.value == "signoff":
            rows.append("\t" + unit.text)
    first = _ROWS - 2 * len(title)
    cuts = [0, first]
    while cuts[-1] < len(rows):
        cuts.append(cuts[-1] + _ROWS)
    font = chinese_font()
    return [
        draw_lines(rows[a:b], dpi, font, title=() if k else title, number=k + 1)
        for k, (a, b) in enumerate(pairwise(cuts))
    ]


def stamped(page: Image.Image, dpi: int) -> Image.Image:
    """The page with a round red seal over its last lines, as over a sign-off."""
    points = dpi / 72
    dark = np.asarray(page) < 128
    dark[round(760 * points) :] = False  # the page number
    rows = np.flatnonzero(dark.any(axis=1))
    bottom = int(rows[-1]) if len(rows) else page.height // 2
    size = round(119 * points)  # 42 mm
    seal = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(seal)
    red = (214, 40, 44)
    draw.ellipse((2, 2, size - 3, size - 3), outline=red, width=max(2, round(3 * points)))
    face = _face(chinese_font(), round(13 * points))
    middle = size / 2
    for k, char in enumerate("云岭县石桥镇人民政府"):
        angle = np.pi * (1.15 - 1.3 * k / 9)
        x, y = middle + 0.37 * size * np.cos(angle), middle - 0.37 * size * np.sin(angle)
        draw.text((x, y), char, font=face, fill=red, anchor="mm")
    star = [
        (middle + r * np.sin(k * np.pi / 5), middle - r * np.cos(k * np.pi / 5))
        for k in range(10)
        for r in [0.16 * size if k % 2 == 0 else 0.065 * size]
    ]
    draw.polygon(star, fill=red)
    whole = Image.new("RGB", page.size, "white")
    whole.paste(seal, (round(345 * points), max(0, bottom - round(0.72 * size))))
    return Image.fromarray(np.minimum(np.asarray(page.convert("RGB")), np.asarray(whole)))


def crooked(degrees: float) -> Callable[[Image.Image, int], Image.Image]:
    """Turn a page a little."""
    return lambda page, dpi: page.rotate(degrees, fillcolor=255, resample=Image.Resampling.BICUBIC)


def grey(page: Image.Image, dpi: int) -> Image.Image:
    """A pale print on grey paper with dirt, out of focus."""
    pixels = np.asarray(page.filter(ImageFilter.GaussianBlur(dpi / 300))).astype(float)
    noise = np.random.default_rng(7).normal(0, 9, pixels.shape)
    return Image.fromarray(np.clip(70 + pixels * (205 - 70) / 255 + noise, 0, 255).astype(np.uint8))


def noisy(page: Image.Image, dpi: int) -> Image.Image:
    """Saved as a JPEG of quality 20."""
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=20)
    return Image.open(buffer)


def clean(page: Image.Image, dpi: int) -> Image.Image:
    """As it was drawn."""
    return page


def all_at_once(page: Image.Image, dpi: int) -> Image.Image:
    """A crooked, grey JPEG with a seal."""
    turned = stamped(grey(page, dpi), dpi).rotate(1.5, fillcolor=(200, 200, 200), resample=Image.Resampling.BICUBIC)
    return noisy(turned, dpi)


WAYS: dict[str, tuple[int, Callable[[Image.Image, int], Image.Image]]] = {
    "100 dpi": (100, clean),
    "150 dpi": (150, clean),
    "200 dpi": (200, clean),
    "300 dpi": (300, clean),
    "200 dpi, 1° askew": (200, crooked(1.0)),
    "200 dpi, 2° askew": (200, crooked(-2.0)),
    "200 dpi, a red seal on each page": (200, stamped),
    "200 dpi, grey, blurred, dirty": (200, grey),
    "200 dpi, JPEG of quality 20": (200, noisy),
    "100 dpi, JPEG of quality 20": (100, noisy),
    "200 dpi, all of these": (200, all_at_once),
}


def f1(found: Iterable[Hashable], wanted: Iterable[Hashable]) -> tuple[int, int, int]:
    """Right, found and wanted."""
    a, b = Counter(found), Counter(wanted)
    return sum((a & b).values()), sum(a.values()), sum(b.values())


def _lines(report: Report) -> list[str]:
    return ["".join(u.text.split()) for u in report.units if u.kind.value in ("body", "heading")]


def _indicators(report: TaggedReport) -> list[tuple[str | None, Decimal | None, str]]:
    return [(i.name, i.number, i.unit) for i in report.indicators]


def _peak() -> float:
    """The most memory that this process has taken so far, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if platform.system() == "Darwin" else 1e3)


def main() -> None:
    """Print the table."""
    from rapidfuzz.distance import Levenshtein

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=6)
    parser.add_argument("--only", help="a part of the name of a way to scan")
    parser.add_argument("--model", help="a model, as for lawgov tag")
    arguments = parser.parse_args()
    names = sorted(path.stem for path in REPORTS.glob("*.txt"))
    names = sorted(random.Random(15).sample(names, arguments.reports))
    reports = [read_report(read_markup(REPORTS / f"{name}.txt").text) for name in names]
    tagged = [tag_report(report, model=arguments.model) for report in reports]
    print(
        f"{' '.join(names)}: {sum(len(r.text) for r in reports)} characters, "
        f"{sum(len(t.indicators) for t in tagged)} indicators\n"
    )
    print("| scan | CER | paragraphs | indicators | numbers | s/page |")
    print("| --- | --- | --- | --- | --- | --- |")
    sure: dict[bool, list[float]] = {True: [], False: []}
    for name, (dpi, spoil) in WAYS.items():
        if arguments.only and arguments.only not in name:
            continue
        edits = characters = pages = 0
        spent = 0.0
        counts = np.zeros((3, 3))
        for report, own in zip(reports, tagged, strict=True):
            drawn = [spoil(page, dpi) for page in pages_of(report, dpi)]
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "scan.pdf"
                drawn[0].save(path, save_all=True, append_images=drawn[1:], resolution=dpi, quality=90)
                begin = time.process_time()
                read = read_report(path)
                spent += time.process_time() - begin
            pages += len(drawn)
            want, got = ("".join(r.text.split()) for r in (report, read))
            edits += Levenshtein.distance(want, got)
            characters += len(want)
            found = tag_report(read, model=arguments.model)
            counts[0] += f1(_lines(read), _lines(report))
            counts[1] += f1(_indicators(found), _indicators(own))
            counts[2] += f1([i[1:] for i in _indicators(found)], [i[1:] for i in _indicators(own)])
            for line in read.ocr:
                sure["".join(line.text.split()) in want].append(line.confidence)
        scores = [2 * right / (got_n + want_n) for right, got_n, want_n in counts]
        print(
            f"| {name} | {edits / characters:.2%} | "
            + " | ".join(f"{s:.3f}" for s in scores)
            + f" | {spent / pages:.1f} |",
            flush=True,
        )
    print(f"\npeak memory {_peak():.0f} MB, with the tagging model")
    for limit in (0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.01):
        below = {right: sum(c < limit for c in values) for right, values in sure.items()}
        print(f"lines below {limit}: {below[True] + below[False]}, of which {below[False]} hold an error")


if __name__ == "__main__":
    main()
