"""PDF files: printed lines put back together to paragraphs by where they stand on the page.

Pages without a text layer are rendered and read by OCR where it is installed (`readers/ocr.py`); what it recognizes
goes through the same layout.

A PDF knows characters and places, no lines, no paragraphs. pdfium's own text has a line break at every printed line
and spaces it guesses from gaps; here both come from the geometry, which says more. pdfium is not thread-safe: read
several files in processes, not threads.
"""

from __future__ import annotations

import ctypes
import math
import re
import statistics
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import ExtractedText, check_length, ocr
from lawgov_nlp.readers.lines import WIDE, visible
from lawgov_nlp.readers.ruled import Grid, grids, rules
from lawgov_nlp.report import OcrLine

if TYPE_CHECKING:
    import numpy as np
    import pypdfium2

MAX_PAGES = 500
_MAX_BAD = 0.3
_MIN_CHARS = 30
_EDGE = 0.12
_GAP = 1.35
_FLAT = 0.05  # points; a character without a shape is 0.016 high
_ASKEW = 0.05  # quarters of a circle: 4.5°; a page is scanned no more askew, a watermark is
_LEVEL = 0.002  # a line of 400 points then rises by less than a point
_STEPS = 8
_PALE = 60
_PAGE_LINES = 5
_MAX_PATHS = 4000
_ENTRY = 250
_BOX_SEGMENTS = 5
_CELL_CHARS = 600
_COLUMN_LINES = 5
_FULL_LINES = 0.5
_SHAPES = 100  # characters of a page, spread over it, that are looked at for their shape
_OCR = (
    f"it is a scan or photo without text; {ocr.INSTALL}, or run OCR over it first (WPS, ABBYY, ocrmypdf -l chi_sim) "
    "and read the result"
)
_DOUBTFUL = 0.9

_WIDE = re.compile(f"[{WIDE}]")
# A page number, or what browsers print round a page: time and title, address.
_RUNNING = re.compile(
    r"[\W_]*(\d{1,4}|[ivxIVX]{1,6})[\W_]*|\d{1,4}\s*/\s*\d{1,4}|第?\s*\d{1,4}\s*页([\s,，/／|]*共\s*\d{1,4}\s*页)?"
    r"|Page\s*\d+( of \d+)?|(\d{1,4}[/-]){2}\d{1,4},?\s\d{1,2}:\d{2}.*|(https?|file)://.*"
)
_MARKER = re.compile(
    r"[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十]{1,3}[）)]|\d{1,2}[.．、](?!\d)|[（(]\d{1,2}[）)]|[①-⑳]"
    r"|第[一二三四五六七八九十]{1,3}[章节条部]|[•●■◆▪○□➢✓]"
)
_LEADERS = re.compile(r".{1,80}?(?:[.．·•‥…]\s{0,3}){4,}\d{1,3}")
_DOC_NUMBER = re.compile(r".{1,14}[〔\[［（(]\s*(?:19|20)\d\d\s*[〕\]］）)]\s*\d{1,4}\s*号")
_ISSUER = re.compile("(?:人民政府|办事处|委员会|局)$")
_TITLE_OPENING = re.compile("关于|20\\d\\d年|二[〇○零]")
_CLOSING = "，。、；：？！）】》〉”’％%…,.;:?!)]}"
_OPENING = "（【《〈“‘([{"
# Radicals that fonts draw with the glyph of the character, and print drivers write in its stead (crbug.com/981259):
# NFKC knows those of the Kangxi block; of the other block, those that are characters of today's Chinese.
_RADICALS = str.maketrans(
    "⺝⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰", "月民虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙"
)
_KANGXI = re.compile("[\u2e80-\u2fdf\uf900-\ufaff]")


class _Char(NamedTuple):
    """A printed character in upright coordinates (points, y up).

    `em` is its size; `word` the place of its word's start, for the invisible text of OCR only, whose words overlap;
    `colour` what it is printed in: red, green, blue and opacity; `confidence` how sure our own OCR is of its line.
    """

    text: str
    x0: float
    x1: float
    y: float
    em: float
    word: float | None = None
    colour: tuple[int, int, int, int] = (0, 0, 0, 255)
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Raw:
    """A character as pdfium tells it: in the page's own coordinates, `angle` in quarters of a circle."""

    text: str
    x: float
    y: float
    box: tuple[float, float, float, float]
    wide: float
    em: float
    angle: float
    word: int | None
    colour: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A printed line. `unit` is the width of what can't be broken at its start; `row`: cells with gaps between.

    `column`: one of two columns; those of the right one stand here as if they were in the left one. `confidence`: how
    sure the OCR is of its worst part; None where the pdf itself has the text.
    """

    text: str
    x0: float
    x1: float
    y: float
    em: float
    unit: float
    row: bool
    page: int
    column: bool = False
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Page:
    lines: list[_Line]
    left: float
    right: float
    bottom: float
    top: float
    chars: int
    bad: int
    askew: int
    scanned: bool
    bare: bool
    recognized: bool = False
    dropped: int = 0


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Left and right edge of the text, the size of its letters, and the distance of its lines.

    `marked`: first lines are set in, or paragraphs stand apart, so that the page shows where a paragraph begins.
    """

    left: float
    right: float
    em: float
    pitch: float
    marked: bool


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a pdf file.

    Raises:
        ReadError: Encrypted, damaged, a scan where no OCR is installed, too many pages.
        PageTimeoutError: A page took too long to read by OCR.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ReadError(f"{path}: encrypted; save a copy without the password and read that") from error
        raise ReadError(f"{path}: the pdf is damaged or cut off ({error}); download or print it again") from error
    try:
        pages = _pages(document, path)
    except pypdfium2.PdfiumError as error:
        raise ReadError(f"{path}: the pdf is damaged or cut off ({error}); download or print it again") from error
    finally:
        document.close()
    return _laid_out(pages, path)


def read_pictures(pictures: Iterable[tuple[np.ndarray, float]], pages: int, path: Path) -> ExtractedText:
    """Read pictures of pages by OCR, each given with its pixels for a point.

    Raises:
        ReadError: Nothing can be read on them.
        PageTimeoutError: A page took too long.
    """
    read: list[_Page] = []
    for number, (picture, scale) in enumerate(pictures):
        read.append(_recognized(picture, scale, number, pages, path))
        check_length(sum(p.chars for p in read), path)
    return _laid_out(read, path)


def _laid_out(pages: list[_Page], path: Path) -> ExtractedText:
    warnings = _check(pages, path)
    size = _body_size([line for page in pages for line in page.lines])
    lines, guessed = _without_furniture(pages, size)
    if guessed:
        warnings.append(f"taken for a header or footer and left out: {'; '.join(guessed)}")
    text = ""
    recognized: list[OcrLine] = []
    for paragraph in _paragraphs(lines, pages, size):
        text += "\n" * bool(text)
        for line, part in zip(paragraph, map(visible, _parts(paragraph)), strict=True):
            printed = part.strip()
            if line.confidence is not None and printed:
                start = len(text) + part.index(printed)
                recognized.append(
                    OcrLine(
                        text=printed,
                        start=start,
                        end=start + len(printed),
                        page=line.page + 1,
                        confidence=round(line.confidence, 4),
                    )
                )
            text += part
    return ExtractedText(text=text, warnings=tuple(warnings), ocr=tuple(recognized))


def _pages(document: pypdfium2.PdfDocument, path: Path) -> list[_Page]:
    count = len(document)
    if count > MAX_PAGES:
        raise ReadError(f"{path}: {count} pages; a report has at most {MAX_PAGES}. Take out the report's own pages")
    pages: list[_Page] = []
    for number in range(count):
        page = document[number]
        try:
            read = _page(page, number, path)
            if _needs_ocr(page, read) and ocr.is_installed():
                picture, scale = _rendered(page, f"{path}: page {number + 1}")
                seen = _recognized(picture, scale, number, count, path)
                read = seen if seen.chars or read.scanned else read
            pages.append(read)
        finally:
            page.close()
        check_length(sum(p.chars for p in pages), path)
    return pages


def _page(page: pypdfium2.PdfPage, number: int, path: Path) -> _Page:
    textpage = page.get_textpage()
    try:
        check_length(textpage.count_chars(), path)
        chars, bad, askew, turn = _chars(textpage)
        bare = _is_bare(textpage)
    finally:
        textpage.close()
    corners = page.get_bbox()
    if not all(map(math.isfinite, corners)):
        raise ReadError(f"{path}: the pdf is damaged (page {number + 1} has no bounds); download or print it again")
    (x0, y0), (x1, y1) = _turned(*corners[:2], turn), _turned(*corners[2:], turn)  # type: ignore[call-arg]
    left, right, bottom, top = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    inside = [c for c in chars if bottom <= c.y <= top and left - c.em <= c.x0 <= right]
    count = sum(not c.text.isspace() for c in inside)
    tables = grids(*rules(_drawn(page, turn))) if count else []
    return _Page(
        lines=_with_tables(inside, tables, number),
        left=left,
        right=right,
        bottom=bottom,
        top=top,
        chars=count,
        bad=bad,
        askew=askew,
        # A scanner's own mark (扫描全能王) is text, too; so few characters on a picture are no text layer.
        scanned=count < _MIN_CHARS and _has_picture(page),
        bare=bare,
    )


def _needs_ocr(page: pypdfium2.PdfPage, read: _Page) -> bool:
    """Whether a page shows what its text layer doesn't say: a scan, letters as drawings, fonts without a meaning."""
    if read.scanned or read.bad > _MAX_BAD * read.chars:
        return True
    return not read.chars and next(iter(page.get_objects(max_depth=2)), None) is not None


def _rendered(page: pypdfium2.PdfPage, where: str) -> tuple[np.ndarray, float]:
    """A picture of a page, (height, width, 3), and its pixels for a point.

    Raises:
        ReadError: A picture on it is larger than any page.
    """
    import pypdfium2
    import pypdfium2.raw as raw

    for image in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3):
        if isinstance(image, pypdfium2.PdfImage):
            width, height = image.get_px_size()
            ocr.check_pixels(width, height, where)
    scale = ocr.PAGE_SIDE / max(*page.get_size(), 1.0)
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
    try:
        return bitmap.to_numpy()[..., :3].copy(), scale
    finally:
        bitmap.close()


def _recognized(picture: np.ndarray, scale: float, number: int, pages: int, path: Path) -> _Page:
    """A page by OCR, told like one with a text layer."""
    ocr.begin_page(path, number + 1, pages)
    found = ocr.recognize(picture, scale, f"{path}: page {number + 1}")
    chars = [
        _Char(text, x0, x1, piece.y, piece.em, confidence=piece.confidence)
        for piece in found.pieces
        for text, x0, x1 in ocr.places(piece)
    ]
    return _Page(
        lines=_with_tables(chars, grids(*rules(found.rules)), number) if chars else [],
        left=0.0,
        right=found.width,
        bottom=0.0,
        top=found.height,
        chars=sum(not c.text.isspace() for c in chars),
        bad=0,
        askew=0,
        scanned=False,
        bare=False,
        recognized=True,
        dropped=found.dropped,
    )


def _drawn(page: pypdfium2.PdfPage, turn: int) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top of the lines and boxes drawn on a page; of none where there are too many of them."""
    import pypdfium2.raw as raw

    boxes: list[tuple[float, float, float, float]] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for path in islice(page.get_objects(filter=(raw.FPDF_PAGEOBJ_PATH,), max_depth=2), _MAX_PATHS):
        count = raw.FPDFPath_CountSegments(path)
        shapes: list[tuple[float, float, float, float]] = []
        if count <= _BOX_SEGMENTS:
            shapes.append(path.get_bounds())
        else:  # a whole table in one path
            matrix = path.get_matrix()
            last = (0.0, 0.0)
            for k in range(min(count, _MAX_PATHS)):
                segment = raw.FPDFPath_GetPathSegment(path, k)
                raw.FPDFPathSegment_GetPoint(segment, x, y)
                point = matrix.on_point(x.value, y.value)
                if raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_LINETO:
                    shapes.append((*map(min, last, point), *map(max, last, point)))
                last = point
        for left, bottom, right, top in shapes:
            (ax, ay), (bx, by) = _turned(left, bottom, turn), _turned(right, top, turn)
            if math.isfinite(ax + ay + bx + by):
                boxes.append((min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)))
        if len(boxes) > _MAX_PATHS:
            return []
    return boxes


def _with_tables(chars: list[_Char], tables: list[Grid], page: int) -> list[_Line]:
    """The lines of a page, of ruled tables one for each row: its cells, whole however they wrap, with tabs between."""
    cells: list[dict[tuple[int, int], list[_Char]]] = [defaultdict(list) for _ in tables]
    rest: list[_Char] = []
    for char in chars:
        for table, found in zip(tables, cells, strict=True):
            place = table.cell((char.x0 + char.x1) / 2, char.y + 0.3 * char.em)
            if place is not None:
                found[place].append(char)
                break
        else:
            rest.append(char)
    written = []
    for table, found in zip(tables, cells, strict=True):
        filled = sum(not c.text.isspace() for chars in found.values() for c in chars)
        if not filled:
            continue
        if any(len(inside) > _CELL_CHARS for inside in found.values()):  # the page is set in a table
            rest += [c for inside in found.values() for c in inside]
        else:
            written.append(list(_table_rows(table, found, page)))
    lines = _lines(rest, page) if rest else []
    for rows in written:
        if rows:
            at = next((k for k, line in enumerate(lines) if line.y < rows[0].y), len(lines))
            lines[at:at] = rows
    return lines


def _table_rows(table: Grid, cells: dict[tuple[int, int], list[_Char]], page: int) -> Iterator[_Line]:
    """A line for each row; a cell that is one with that above it is empty, one with that before it left out."""
    for row in range(table.rows):
        texts: list[str] = []
        first: _Line | None = None
        sure: list[float] = []
        for column in range(table.columns):
            place = table.merged[row, column]
            if place[1] != column:
                continue
            lines = _lines(cells.get(place, []), page) if place[0] == row else []
            texts.append(_joined([replace(line, text=line.text.replace("\t", " ")) for line in lines]) if lines else "")
            first = first or next(iter(lines), None)
            sure += [line.confidence for line in lines if line.confidence is not None]
        if first is not None:
            y = (table.ys[table.rows - row] + table.ys[table.rows - 1 - row]) / 2
            first = replace(first, confidence=min(sure, default=None))
            yield replace(first, text="\t".join(texts), x0=table.xs[0], x1=table.xs[-1], y=y, row=True, column=False)


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    """Whether an image covers over a third of the page."""
    import pypdfium2

    width, height = page.get_size()
    for image in page.get_objects(filter=(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,), max_depth=3):
        left, bottom, right, top = image.get_bounds()
        if (right - left) * (top - bottom) > width * height / 3:
            return True
    return False


def _turned(x: float, y: float, turn: int) -> tuple[float, float]:
    """A point on a page whose text runs at `turn` quarters of a circle, as if it ran to the right."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turn]


def _chars(textpage: pypdfium2.PdfTextPage) -> tuple[list[_Char], int, int, int]:
    """The characters of a page, how many no font maps, how many run askew, and the direction of the others."""
    import pypdfium2.raw as raw

    x, y = ctypes.c_double(), ctypes.c_double()
    box, matrix = raw.FS_RECTF(), raw.FS_MATRIX()
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    found: list[_Raw] = []
    bad = 0
    for i in range(textpage.count_chars()):
        if raw.FPDFText_IsGenerated(textpage, i) == 1:  # spaces and line ends that pdfium guessed
            continue
        code = raw.FPDFText_GetUnicode(textpage, i)
        if 0xF000 <= code <= 0xF0FF:  # bullets of the Symbol and Wingdings fonts
            continue
        known = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)
        char = chr(code) if known else "\ufffd"
        category = unicodedata.category(char)
        # OCR's fonts map whole ranges at once, which pdfium takes for an error though it reads them rightly.
        unseen = _invisible(textpage, i)
        unmapped = raw.FPDFText_HasUnicodeMapError(textpage, i) == 1 and not unseen
        if char == "\ufffd" or category in ("Co", "Cn") or unmapped:
            bad += 1
        elif category == "Cc":
            continue
        raw.FPDFText_GetCharOrigin(textpage, i, x, y)
        raw.FPDFText_GetLooseCharBox(textpage, i, box)
        raw.FPDFText_GetMatrix(textpage, i, matrix)
        raw.FPDFText_GetFillColor(textpage, i, red, green, blue, alpha)
        size = raw.FPDFText_GetFontSize(textpage, i)
        found.append(
            _Raw(
                text=char,
                x=x.value,
                y=y.value,
                box=(box.left, box.bottom, box.right, box.top),
                wide=size * math.hypot(matrix.a, matrix.b),
                em=size * math.hypot(matrix.c, matrix.d),
                angle=math.atan2(matrix.b, matrix.a) / (math.pi / 2),
                word=ctypes.addressof(raw.FPDFText_GetTextObject(textpage, i).contents) if unseen else None,
                colour=(red.value, green.value, blue.value, alpha.value),
            )
        )
    turns = Counter(round(f.angle) % 4 for f in found)
    turn = turns.most_common(1)[0][0] if turns else 0
    chars: list[_Char] = []
    askew = 0
    slope = _slope([f for f in found if abs((f.angle - turn + 2) % 4 - 2) <= _ASKEW], turn)
    words: dict[int, float] = {}
    for f in found:
        if abs((f.angle - turn + 2) % 4 - 2) > _ASKEW:  # a watermark across the page
            askew += 1
            continue
        x0, y0 = _turned(f.x, f.y, turn)
        x1 = x0 + f.wide
        if not _WIDE.match(f.text):  # a wide one is an em wide; the boxes of Chromium's fonts are tighter than that
            x1 = max(x0, _turned(*f.box[:2], turn)[0], _turned(*f.box[2:], turn)[0])
        if math.isfinite(x0 + x1 + y0 + f.em):  # no page has the others
            word = None if f.word is None else words.setdefault(f.word, x0)
            chars.append(_Char(_unified(f.text), x0, x1, y0 - slope * x0, f.em or 1.0, word, f.colour))
    chars, overlaid = _without_overlay(chars)
    return chars, bad, askew + overlaid, turn


def _slope(found: list[_Raw], turn: int) -> float:
    """By how much the lines of a crooked scan rise for each point to the right; 0 on a straight page."""
    steps: list[float] = []
    # Within a word OCR may set the characters level: only the words' starts tell.
    begins = [b for a, b in zip([None, *found], found, strict=False) if a is None or b.word is None or a.word != b.word]
    for a, b in pairwise(begins):
        (ax, ay), (bx, by) = _turned(a.x, a.y, turn), _turned(b.x, b.y, turn)
        apart = b.word is not None or abs(round(a.angle) - a.angle) > 0.001
        if apart and 0 < bx - ax < 12 * max(a.em, b.em) and abs(by - ay) < 0.5 * max(a.em, b.em):
            steps.append((by - ay) / (bx - ax))
    slope = statistics.median(steps) if len(steps) >= _STEPS else 0.0
    return slope if _LEVEL < abs(slope) < _ASKEW * math.pi / 2 else 0.0


def _without_overlay(chars: list[_Char]) -> tuple[list[_Char], int]:
    """The characters without a watermark that is printed through them, and how many it has.

    It is larger than the text or paler, and lies over other characters, which no title or heading does.
    """
    printed = [c for c in chars if c.word is None and not c.text.isspace()]
    if len(printed) < _MIN_CHARS:
        return chars, 0
    size = statistics.median(c.em for c in printed)
    usual = Counter(c.colour for c in printed).most_common(1)[0][0]

    def strange(c: _Char) -> bool:
        return c.em > 1.5 * size or (c.colour != usual and _pallor(c.colour) > _pallor(usual) + _PALE)

    rows: dict[int, list[_Char]] = defaultdict(list)
    for c in printed:
        if not strange(c):
            rows[round(c.y / size)].append(c)
    starts = {y: sorted(c.x0 for c in row) for y, row in rows.items()}
    groups: dict[tuple[int, int, tuple[int, int, int, int]], list[_Char]] = defaultdict(list)
    for c in printed:
        if strange(c):
            groups[round(c.y), round(c.em), c.colour].append(c)
    gone: set[_Char] = set()
    for group in groups.values():
        covering = 0
        for c in group:
            low, high = round((c.y - 0.8 * size) / size), round((c.y + 0.75 * c.em) / size)
            near = (starts.get(y, []) for y in range(low, min(high, low + 200) + 1))
            covering += any(bisect_left(row, c.x1 - 0.3 * size) > bisect_right(row, c.x0 - 0.7 * size) for row in near)
        if covering > len(group) / 2:
            gone.update(group)
    return ([c for c in chars if c not in gone], len(gone)) if gone else (chars, 0)


def _pallor(colour: tuple[int, int, int, int]) -> float:
    """How pale a colour is on white paper: 0 black, 255 white."""
    red, green, blue, alpha = colour
    return 255 - (255 - (0.3 * red + 0.59 * green + 0.11 * blue)) * alpha / 255


def _is_bare(textpage: pypdfium2.PdfTextPage) -> bool:
    """Whether most Chinese characters have no shape: their font is neither in the pdf nor on this machine.

    pdfium then loses characters, all of a turned page among them, and says nothing. The invisible text that OCR lays
    over a scan has no shape by design, and nothing of it is lost.
    """
    import pypdfium2.raw as raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    seen = flat = 0
    count = textpage.count_chars()
    for i in range(0, count, max(1, count // _SHAPES)):
        chinese = 0x4E01 <= raw.FPDFText_GetUnicode(textpage, i) <= 0x9FFF  # without 一, which is flat in every font
        if chinese and not _invisible(textpage, i):
            raw.FPDFText_GetCharBox(textpage, i, left, right, bottom, top)
            seen += 1
            flat += top.value - bottom.value < _FLAT
    return flat > seen / 2


def _invisible(textpage: pypdfium2.PdfTextPage, index: int) -> bool:
    """Whether a character is of the invisible text that OCR lays over a scan."""
    import pypdfium2.raw as raw

    text = raw.FPDFText_GetTextObject(textpage, index)
    return bool(text) and raw.FPDFTextObj_GetTextRenderMode(text) == raw.FPDF_TEXTRENDERMODE_INVISIBLE


def _unified(char: str) -> str:
    """The character itself for a radical or a compatibility character that is printed like it."""
    return unicodedata.normalize("NFKC", char).translate(_RADICALS) if _KANGXI.match(char) else char


def _lines(chars: list[_Char], page: int) -> list[_Line]:
    """The characters of a page in lines from the top down."""
    rows: list[list[_Char]] = []
    for char in sorted((c for c in chars if not c.text.isspace()), key=lambda c: -c.y):
        # Fonts of one line differ in their baseline by a tenth of an em, raised letters by a third.
        if rows and rows[-1][0].y - char.y < 0.45 * max(char.em, rows[-1][0].em):
            rows[-1].append(char)
        else:
            rows.append([char])
    spaces: dict[int, list[_Char]] = defaultdict(list)
    for char in chars:
        if char.text.isspace():
            spaces[round(char.y)].append(char)
    ocr = sum(c.word is not None for c in chars) * 2 > len(chars)
    size = statistics.median(c.em for c in chars) if ocr else 0.0
    lines: list[_Line] = []
    for band, shift in _bands(rows):
        for row in band:
            # OCR's words overlap, so that their characters would mix: the words are sorted, not the characters.
            line = _line(sorted(row, key=lambda c: (c.x0 if c.word is None else c.word, c.x0)), spaces, page)
            if ocr and 0.7 * size < line.em < 1.4 * size:  # it guesses the size of each word
                line = replace(line, em=size)
            if shift is not None:
                line = replace(line, x0=line.x0 - shift, x1=line.x1 - shift, column=True)
            lines.append(line)
    return lines


def _bands(rows: list[list[_Char]]) -> Iterator[tuple[list[list[_Char]], float | None]]:
    """The rows of a page, those in two columns parted: the left one first, then the right one.

    Yields:
        Rows that follow one another, and by how much they stand to the right of the left column; None outside columns.
    """
    gutter = _gutter(rows)
    if gutter is None:
        yield rows, None
        return
    band: list[list[_Char]] = []
    for row in [*rows, None]:
        if row is not None and not _crosses(row, gutter):
            band.append(row)
            continue
        left = [side for r in band if (side := [c for c in r if c.x0 < gutter])]
        right = [side for r in band if (side := [c for c in r if c.x0 >= gutter])]
        if _are_columns(left, right):
            yield left, 0.0
            yield right, min(c.x0 for r in right for c in r) - min(c.x0 for r in left for c in r)
        elif band:
            yield band, None
        band = []
        if row is not None:
            yield [row], None


def _gutter(rows: list[list[_Char]]) -> float | None:
    """Where the white between two columns is: near the middle of the text, crossed by few lines."""
    if len(rows) < 2 * _COLUMN_LINES:
        return None
    left, right = min(c.x0 for row in rows for c in row), max(c.x1 for row in rows for c in row)
    places = [(abs(step - 50), left + (right - left) * step / 100) for step in range(30, 71)]
    crossings, _, x = min((sum(_crosses(row, x) for row in rows), off, x) for off, x in places)
    return x if crossings <= len(rows) - _COLUMN_LINES else None


def _crosses(row: list[_Char], x: float) -> bool:
    """Whether a row has print at x, or so near it on both sides that it reads on across."""
    before = max((c.x1 for c in row if c.x0 < x), default=None)
    behind = min((c.x0 for c in row if c.x0 >= x), default=None)
    em = row[0].em
    if before is not None and before > x + 0.1 * em:
        return True
    return before is not None and behind is not None and behind - before < 0.9 * em


def _are_columns(left: list[list[_Char]], right: list[list[_Char]]) -> bool:
    """Whether both sides are running text: most of their lines are full, as few cells of a table are."""
    if min(len(left), len(right)) < _COLUMN_LINES:
        return False
    for side in (left, right):
        begin, end = min(c.x0 for row in side for c in row), max(c.x1 for row in side for c in row)
        full = sum(max(c.x1 for c in row) > end - 2.5 * row[0].em for row in side)
        if full < _FULL_LINES * len(side) or end - begin < 8 * side[0][0].em:
            return False
    return True


def _line(row: list[_Char], spaces: dict[int, list[_Char]], page: int) -> _Line:
    """A line of its characters from the left; `spaces` are the page's, at y rounded."""
    em = statistics.median(c.em for c in row)
    near = (s for y in {round(c.y) + d for c in row for d in (-1, 0, 1)} for s in spaces.get(y, ()))
    blanks = sorted(near, key=lambda c: c.x0)
    places = [s.x0 for s in blanks]
    cells, text = [], row[0].text
    kept = [row[0]]
    for char in row[1:]:
        last = kept[-1]
        # Bold made by printing twice; narrow digits of OCR stand close, too, but beside each other.
        if (
            char.text == last.text
            and char.word is None
            and char.x0 - last.x0 < min(0.2 * em, 0.5 * (char.x1 - char.x0))
        ):
            continue
        gap = char.x0 - last.x1
        unseen = char.word is not None
        between = blanks[bisect_right(places, last.x0) : bisect_left(places, char.x0)]
        blank = sum(s.x1 - s.x0 for s in between)
        narrow = not _WIDE.match(last.text) and not _WIDE.match(char.text)
        # A gap that no typed spaces fill parts table cells; behind a number or bullet it is a tab.
        if gap - blank > (2.5 if unseen else 1.2) * em and not _MARKER.fullmatch(text):
            cells.append(text)
            text = ""
        elif (blank or gap > 0.2 * em) if narrow else (blank and gap > 0.45 * em and not unseen):
            text += " "  # typed spaces; beside a Chinese character only wide ones, for layout engines set narrow ones
        text += char.text
        kept.append(char)
    cells.append(text)
    return _Line(
        text="\t".join(cells),
        x0=kept[0].x0,
        x1=kept[-1].x1,
        y=kept[0].y,
        em=em,
        unit=_first_unit(kept),
        row=len(cells) > 1,
        page=page,
        confidence=min((c.confidence for c in kept if c.confidence is not None), default=None),
    )


def _first_unit(row: list[_Char]) -> float:
    """Width of what a line break can't part from the start of the line: 5.5%, a word, （某, 某。"""
    end = 0
    while end < len(row) - 1 and row[end].text in _OPENING:
        end += 1
    while end < len(row) - 1 and all(c.text.isascii() for c in row[end : end + 2]):
        end += 1
    while end < len(row) - 1 and row[end + 1].text in _CLOSING:
        end += 1
    return row[end].x1 - row[0].x0


def _check(pages: list[_Page], path: Path) -> list[str]:
    """What to warn of: pages without text, characters that no font maps, watermarks.

    Raises:
        ReadError: Next to nothing could be read.
    """
    chars, bad = sum(p.chars for p in pages), sum(p.bad for p in pages)
    scanned = [str(i) for i, page in enumerate(pages, 1) if page.scanned]
    if scanned and all(p.scanned or p.chars < _MIN_CHARS for p in pages):
        raise ReadError(f"{path}: {_OCR}")
    recognized = [page for page in pages if page.recognized]
    if recognized and not chars:
        raise ReadError(
            f"{path}: the OCR found no legible text; is it the picture of a page? Scan it at 200 to 300 dpi"
        )
    if not chars:
        raise ReadError(f"{path}: no text on {len(pages)} pages; if they show any, {_OCR}")
    if bad > _MAX_BAD * chars:
        raise ReadError(f"{path}: {bad} of {chars} characters have no meaning in its fonts; print it again or run OCR")
    warnings = []
    if scanned:
        warnings.append(f"pages without text, not read (scans; {ocr.INSTALL}): {', '.join(scanned)}")
    if recognized:
        warnings += _ocr_warnings(pages)
    if bad:
        warnings.append(f"{bad} characters that no font maps to text; compare with the pdf")
    if any(page.bare for page in pages):
        warnings.append(
            "its Chinese font is neither in the pdf nor on this machine, so characters may be lost; install one "
            "(fonts-noto-cjk on Debian) and read it again"
        )
    if askew := sum(p.askew for p in pages):
        warnings.append(f"{askew} characters of a watermark or turned text were left out")
    return warnings


def _ocr_warnings(pages: list[_Page]) -> list[str]:
    """Which pages were read by OCR, where it was in doubt, and what it left out."""
    numbered = [(i, page) for i, page in enumerate(pages, 1) if page.recognized]
    warnings = []
    if read := [str(i) for i, page in numbered if page.chars]:
        warnings.append(f"read by OCR, so compare names and numbers with the original: page {', '.join(read)}")
    if doubtful := _counts(
        (i, sum((line.confidence or 1.0) < _DOUBTFUL for line in page.lines)) for i, page in numbered
    ):
        warnings.append(f"lines that the OCR was unsure of: {doubtful}")
    if dropped := _counts((i, page.dropped) for i, page in numbered):
        warnings.append(f"not legible to the OCR and left out (a seal, handwriting, dirt?): {dropped}")
    if empty := [str(i) for i, page in numbered if not page.chars]:
        warnings.append(f"pages on which the OCR found no text: {', '.join(empty)}")
    return warnings


def _counts(pages: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{count} on page {number}" for number, count in pages if count)


def _body_size(lines: list[_Line]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.em, 1) or 0.1] += len(line.text)  # print of no size at all has one, too
    return sizes.most_common(1)[0][0]


def _without_furniture(pages: list[_Page], size: float) -> tuple[list[_Line], list[str]]:
    """All lines but page numbers, and headers and footers: lines near an edge, alike at one place on several pages.

    They are smaller than the text or stand off from it; a heading that opens two pages is neither. On a single page
    nothing repeats; there a first or last line in small print is taken for one, and returned, too.
    """
    edge: dict[tuple[str, int], set[int]] = defaultdict(set)
    steps = [a.y - b.y for page in pages for a, b in pairwise(page.lines)]
    apart = 1.4 * min(statistics.median(steps), 2 * size) if steps else 0.0
    for page in pages:
        for i, line in enumerate(page.lines):
            upper = line.y > (page.bottom + page.top) / 2
            inner = page.lines[i + 1 : i + 2] if upper else page.lines[max(0, i - 1) : i]
            stands_off = all(abs(line.y - other.y) > apart for other in inner)
            if _at_edge(line, page) and (stands_off or abs(line.em - size) > 0.1 * size):
                edge[_pattern(line)].add(line.page)
    need = max(2, 0.3 * len(pages))  # odd and even pages often have different headers
    kept, guessed = [], []
    for page in pages:
        for i, line in enumerate(page.lines):
            outermost = i in (0, len(page.lines) - 1)
            if not _at_edge(line, page):
                kept.append(line)
            elif len(pages) == 1 and outermost and line.em < 0.8 * size and not _RUNNING.fullmatch(line.text):
                guessed.append(line.text)
            elif len(edge[_pattern(line)]) < need and not (outermost and _RUNNING.fullmatch(line.text)):
                kept.append(line)
    return kept, guessed


def _at_edge(line: _Line, page: _Page) -> bool:
    zone = _EDGE * (page.top - page.bottom)
    return line.y < page.bottom + zone or line.y > page.top - zone - line.em


def _pattern(line: _Line) -> tuple[str, int]:
    return re.sub(r"\d+", "0", line.text), round(line.y / 4)


def _paragraphs(lines: list[_Line], pages: list[_Page], size: float) -> Iterator[list[_Line]]:
    """The lines of each paragraph in order; a table row is one of its own.

    Upright and turned pages have layouts of their own.
    """

    def shapes(line: _Line) -> tuple[int, int, bool]:
        page = pages[line.page]
        return round(page.left), round(page.right), line.column

    alike: dict[tuple[int, int, bool], list[_Line]] = defaultdict(list)
    for line in lines:
        alike[shapes(line)].append(line)
    layouts = {}
    for shape, group in alike.items():
        alike[shape] = _aligned(group, size)
        layouts[shape] = _layout(alike[shape], size, *shape)
    moved = {shape: iter(group) for shape, group in alike.items()}
    lines = [next(moved[shapes(line)]) for line in lines]
    paragraph: list[_Line] = []
    for line in lines:
        layout = layouts[shapes(line)]
        if paragraph and (layout is not layouts[shapes(paragraph[-1])] or _begins(paragraph, line, layout)):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _aligned(lines: list[_Line], em: float) -> list[_Line]:
    """The lines with each page's moved to where most pages have them: mirrored margins and scanners shift pages."""
    pages: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        if abs(line.em - em) < 0.1 * em and not line.row:
            pages[line.page].append(line)
    edges = {number: _edges(found, em) for number, found in pages.items() if len(found) >= _PAGE_LINES}
    if len(edges) < 2:
        return lines
    left, right = (statistics.median_low(sorted(edge[side] for edge in edges.values())) for side in (0, 1))
    shifts: dict[int, float] = {}
    for number, edge in edges.items():
        by_left, by_right = edge[0] - left, edge[1] - right
        # All lines of a page set in move its left edge only.
        shifts[number] = by_left if abs(by_left - by_right) < 0.6 * em and abs(by_left) > 0.25 * em else 0.0
    if not any(shifts.values()):
        return lines
    for number in {line.page for line in lines} - set(shifts):  # too short to tell: like the pages of its side
        same = [shift for other, shift in shifts.items() if (other - number) % 2 == 0]
        shifts[number] = statistics.median_low(sorted(same)) if same else 0.0
    return [replace(line, x0=line.x0 - shifts[line.page], x1=line.x1 - shifts[line.page]) for line in lines]


def _edges(lines: list[_Line], em: float) -> tuple[float, float]:
    """Where most lines of a page begin at the left, and where its full lines end."""
    starts = Counter(round(line.x0 / em * 4) for line in lines)
    common = [start for start, n in starts.items() if n >= max(2, 0.2 * len(lines))]
    start = min(common or starts)
    left = min(line.x0 for line in lines if round(line.x0 / em * 4) == start)
    return left, sorted(line.x1 for line in lines)[int(0.9 * (len(lines) - 1))]


def _layout(lines: list[_Line], em: float, page_left: float, page_right: float, column: bool) -> _Layout:
    body = [line for line in lines if abs(line.em - em) < 0.1 * em and not line.row] or lines
    # Not the extremes: punctuation hangs beyond the right edge, a stray label stands left of the text.
    right = sorted(line.x1 for line in body)[int(0.9 * (len(body) - 1))]
    starts = Counter(round(line.x0 / em * 4) for line in body)
    often = max(0.04 * len(body), min(2, max(starts.values())))
    common = [start for start, n in starts.items() if n >= often]
    left = min(common or starts) * em / 4  # in a flow chart, on a crooked scan, no two lines begin alike
    # Where no line is full, the longest says nothing of the edge: then the margins are alike on both sides.
    mirrored = page_right - (left - page_left)
    if not column and right - left < 0.75 * (mirrored - left):
        right = mirrored
    pairs = [(a, b) for a, b in pairwise(body) if a.page == b.page and 0 < a.y - b.y < 4 * em]
    inner = [a.y - b.y for a, b in pairs if b.x0 < left + 0.6 * em and a.x1 + b.unit > right - 0.2 * em]
    gaps = inner or [a.y - b.y for a, b in pairs]
    pitch = statistics.median(gaps) if gaps else 2 * em
    set_in = sum(1.5 * em < line.x0 - left < 3.5 * em for line in body)
    set_off = sum(a.y - b.y > _GAP * pitch for a, b in pairs)
    return _Layout(left=left, right=right, em=em, pitch=pitch, marked=max(set_in, set_off) > 0.08 * len(body))


def _begins(paragraph: list[_Line], line: _Line, layout: _Layout) -> bool:
    """Whether `line` begins a new paragraph, `paragraph` being the lines of the one before."""
    first, last = paragraph[0], paragraph[-1]
    em = max(last.em, line.em)
    if len(last.text) <= _ENTRY and _LEADERS.fullmatch(last.text):  # an entry of a table of contents
        return True
    if line.row or last.row or abs(last.em - line.em) > 0.1 * em or _DOC_NUMBER.fullmatch(line.text):
        return True
    if line.page == last.page and last.y - line.y > _GAP * layout.pitch * max(1.0, em / layout.em):
        return True
    if (last.text[-1] in _OPENING + "，、" or line.text[0] in _CLOSING) and not _MARKER.match(line.text):
        return False  # whatever the room: no paragraph ends or begins so, but for a typing error before a number
    # Its first word would have fitted onto the line before: that one ended by itself. A centred or right-aligned line
    # has as much room as there is on both of its sides.
    set_in = last.x0 > layout.left + 4 * layout.em
    room = layout.right - layout.left - (last.x1 - last.x0) if set_in else layout.right - last.x1
    if line.unit < room - 0.1 * em:
        return True
    centre = (layout.left + layout.right) / 2
    if em > 1.1 * layout.em and all(abs((x.x0 + x.x1) / 2 - centre) < em for x in (last, line)):
        # a title over two lines, or the body that reports and, beneath it, the title
        return bool(_ISSUER.search(last.text) and _TITLE_OPENING.match(line.text))
    if len(paragraph) > 1 or _MARKER.match(first.text):  # hanging indent: behind 1. all lines are set in
        inner = paragraph[1].x0 if len(paragraph) > 1 else line.x0
        if inner > first.x0 + 0.6 * em and abs(line.x0 - inner) < 0.4 * em:
            return False
    if line.x0 > layout.left + em:
        return True
    # Without indents and gaps a number tells; but one may just happen to stand at the start of a line, 三、四季度.
    heading = len(paragraph) == 1 and not re.search("[，。；]", last.text)
    numbered = not layout.marked and _MARKER.match(line.text) is not None
    return numbered and (last.text[-1] in "。！？；：”" or heading)


def _joined(paragraph: list[_Line]) -> str:
    return "".join(_parts(paragraph))


def _parts(paragraph: list[_Line]) -> list[str]:
    """What each line adds to its paragraph: a space first where two Latin words meet."""
    parts = [paragraph[0].text]
    for last, line in pairwise(paragraph):
        words = last.text[-1:].isascii() and last.text[-1:].isalpha()
        parts.append(" " * (words and line.text[:1].isascii() and line.text[:1].isalpha()) + line.text)
    return parts
