"""Render a tagged report as a web page: one file without external resources, readable without JavaScript.

The page's content security policy only allows scripts and styles with known hashes. Nothing in a report could run or
load anything, even if the escaping failed.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lawgov_nlp.report import LineKind, Table
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.roles import ROLE_ZH, Role
from lawgov_nlp.results.tables import QUALIFIER_ZH, label_zh, plain_number
from lawgov_nlp.scheme import CODEBOOK, NONE, NONE_ZH, Label, Scheme

if TYPE_CHECKING:
    from lawgov_nlp.results.tagged_report import TaggedReport

_COLORS: Sequence[tuple[str, str]] = (
    # Each background colour comes with its text colour. The colours are the "muted" ones of Paul Tol
    # (SRON/EPS/TN/09-002), which colour-blind readers can tell apart. Dark and light ones alternate, so that neighbours
    # differ in grey print as well.
    ("#332288", "#fff"),
    ("#88ccee", "#111"),
    ("#44aa99", "#111"),
    ("#117733", "#fff"),
    ("#ddcc77", "#111"),
    ("#cc6677", "#111"),
    ("#882255", "#fff"),
    # After the codebook's seven, each colour is the farthest from all before it: 11 or more apart (CIEDE2000) in normal
    # sight and in the three kinds of colour blindness. The closest two of the seven are 11.8 apart.
    ("#785ef0", "#fff"),
    ("#999933", "#111"),
    ("#000000", "#fff"),
    ("#aa4499", "#fff"),
    ("#5a3a1e", "#fff"),
)
_NONE_COLOR = ("#c8ccd0", "#111")
_NOTEBOOK_ROWS = 40
_NOTEBOOK_CHARS = 60
_ROOM_FOR_PERCENT = 0.06  # as a share of the bar: narrower parts have no room for the figure


@dataclass(frozen=True, kw_only=True)
class Share:
    """The share of a dimension in a report.

    Attributes:
        key: The dimension's name, or "none".
        zh: Its Chinese name.
        characters: The number of characters in the paragraphs with this primary dimension.
        paragraphs: The number of these paragraphs.
        start: The start of its part of the bar, 0 to 1.
        share: Its share of all characters, 0 to 1.
    """

    key: str
    zh: str
    characters: int
    paragraphs: int
    start: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A report's line in an index of pages."""

    href: str
    name: str
    issuer: str | None
    year: int | None
    paragraphs: int
    indicators: int
    review: int
    warnings: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A piece of a paragraph in which no span begins or ends.

    Attributes:
        text: The characters.
        values: The numbers of the indicators whose value covers it; there are several if spans overlap.
        names: The numbers of the indicators whose name covers it.
        anchors: The numbers of the indicators whose value begins with it.
        strong: Whether it belongs to a run-in heading.
    """

    text: str
    values: tuple[int, ...]
    names: tuple[int, ...]
    anchors: tuple[int, ...]
    strong: bool


def to_html(report: TaggedReport) -> str:
    """Render the report as one self-contained page in Chinese.

    The page shows the full text with the dimension beside each paragraph and with values and names marked. It also has
    the shares of the dimensions, filters, a table of the indicators, and the warnings.
    """
    return _page(
        "page.html.j2",
        report=report,
        name=_name(report),
        source=_source(report),
        shares=shares(report),
        lines=list(_lines(report)),
        indicators=report.indicators,
        rows=list(zip(report.indicators, _row_keys(report), strict=True)),
        unread=sum(i.number is None for i in report.indicators),
        scheme=report.scheme,
    )


def to_index(entries: Sequence[Entry], scheme: Scheme = CODEBOOK) -> str:
    """Render the index of a folder of pages. All reports have the labels of `scheme`."""
    return _page("index.html.j2", entries=entries, scheme=scheme)


def entry(report: TaggedReport, file_name: str) -> Entry:
    """Create the index entry of a report whose page is `file_name` in the same folder."""
    return Entry(
        href=quote(file_name),
        name=_name(report),
        issuer=report.issuer,
        year=report.year,
        paragraphs=len(report.paragraphs),
        indicators=len(report.indicators),
        review=sum(p.needs_review for p in report.paragraphs),
        warnings=len(report.warnings),
        shares=shares(report),
    )


def to_notebook(report: TaggedReport) -> str:
    """Render a compact view for notebooks: the shares of the dimensions and a line per paragraph.

    It only uses inline styles. A style sheet would affect the rest of the notebook. An iframe with the whole page would
    make the file larger with every display, and untrusted notebooks don't show iframes or run scripts. The text and
    background colours are the notebook's own, so that dark themes work.
    """
    return _render(
        "notebook.html.j2",
        report=report,
        name=_name(report),
        shares=shares(report),
        rows=report.paragraphs[:_NOTEBOOK_ROWS],
        left_out=len(report.paragraphs[_NOTEBOOK_ROWS:]),
        chars=_NOTEBOOK_CHARS,
        COLORS=_colors(report.scheme),
    )


def shares(report: TaggedReport) -> tuple[Share, ...]:
    """Return the shares of the dimensions and of 无 in the scheme's order, without those that don't occur."""
    characters: Counter[str] = Counter()
    paragraphs: Counter[str] = Counter()
    for p in report.paragraphs:
        characters[_key(p.label)] += len(p.text)
        paragraphs[_key(p.label)] += 1
    # A dimension gets a filter even if it is only a secondary one or only that of an indicator.
    occurring = {k for p in report.paragraphs for k in _keys(p)} | {i.dimension.value for i in report.indicators}
    total = sum(characters.values())
    made, start = [], 0.0
    for key, zh in [*((d.value, d.zh) for d in report.scheme), (NONE, NONE_ZH)]:
        if key not in occurring:
            continue
        share = characters[key] / total if total else 0.0
        made.append(
            Share(
                key=key,
                zh=zh,
                characters=characters[key],
                paragraphs=paragraphs[key],
                start=start,
                share=share,
            )
        )
        start += share
    return tuple(made)


def _lines(report: TaggedReport) -> Iterator[dict[str, Any]]:
    """Yield the lines for the template: each paragraph with its pieces, each heading with its depth.

    A heading line doesn't know its depth. It follows from the headings that the paragraphs list.
    """
    paragraphs = iter(report.paragraphs)
    grids = {table.start: _grid(report, number) for number, table in enumerate(report.tables)}
    inside = 0
    depths = {text: depth for p in report.paragraphs for depth, text in enumerate(p.headings)}
    above: dict[str, int] = {}
    first = 0
    for at, unit in enumerate(report.units):
        line: dict[str, Any] = {"at": at, "kind": unit.kind.value, "text": unit.text}
        if unit.start < inside:  # a further row of the table that stands here
            continue
        if unit.kind is LineKind.TABLE and unit.start in grids:
            table, line["rows"] = grids[unit.start]
            inside = table.end
        if unit.kind is LineKind.HEADING:
            above[unit.text] = at
            line["depth"] = min(depths.get(unit.text, 0), 2)
        elif unit.kind is LineKind.BODY:
            p = next(paragraphs)  # The report guarantees one for each line.
            line |= {
                "p": p,
                "pieces": list(_pieces(p, first)),
                "keys": _keys(p),
                "heads": [above[h] for h in p.headings if h in above],
                "scores": _scores(p, report.scheme),
            }
            first += len(p.indicators)
        yield line


def _grid(report: TaggedReport, number: int) -> tuple[Table, list[list[dict[str, Any]]]]:
    """The rows of a table for the template: its cells, empty ones too, each cut where its values begin and end."""
    table = report.tables[number]
    first = sum(len(p.indicators) for p in report.paragraphs)
    found: dict[tuple[int, int], list[tuple[int, Indicator]]] = {}
    for n, i in enumerate(report.table_indicators, first):
        if i.table is not None and i.table.table == number:
            found.setdefault((i.table.row, i.table.column), []).append((n, i))
    places = table.places()
    rows: list[list[dict[str, Any]]] = []
    for row in range(table.rows):
        cells: list[dict[str, Any]] = []
        for column in range(table.columns):
            cell = places.get((row, column))
            if cell is not None and (cell.row, cell.column) != (row, column):
                continue
            head = row < table.first_row + table.header_rows
            made: dict[str, Any] = {"head": head, "rows": 1, "columns": 1, "pieces": []}
            if cell is not None:
                pieces = list(_cut(cell.text, cell.start, found.get((row, column), [])))
                made |= {"rows": cell.rows, "columns": cell.columns, "pieces": pieces}
            cells.append(made)
        rows.append(cells)
    return table, rows


def _row_keys(report: TaggedReport) -> Iterator[list[str]]:
    """Yield the filter keys of each indicator: its topic and, if there is one, the function of its paragraph.

    The dimension of an indicator is never a shortcoming or a plan, but readers who filter for plans want their figures.
    """
    for p in report.paragraphs:
        function = [] if p.label and p.label.is_topic else [_key(p.label)]
        yield from ([i.dimension.value, *function] for i in p.indicators)
    yield from ([i.dimension.value] for i in report.table_indicators)


def _pieces(p: TaggedParagraph, first: int) -> Iterator[_Piece]:
    """Cut the paragraph wherever a value, a name or the run-in heading begins or ends. These may overlap.

    `first` is the number of the paragraph's first indicator in the report.
    """
    strong = len(p.headings[-1]) if p.headings and p.text.startswith(p.headings[-1]) else 0
    return _cut(p.text, p.start, list(enumerate(p.indicators, first)), strong)


def _cut(text: str, at: int, indicators: Sequence[tuple[int, Indicator]], strong: int = 0) -> Iterator[_Piece]:
    """Cut a text that begins at offset `at`; `strong` is the length of its run-in heading."""
    size = len(text)
    spans: list[tuple[int, int, str, int]] = []
    for n, i in indicators:
        spans.append((i.start - at, i.end - at, "value", n))
        if i.name_start is not None and i.name_end is not None:
            spans.append((i.name_start - at, i.name_end - at, "name", n))
    if strong:
        spans.append((0, strong, "strong", -1))
    # Cut spans at the edges of the paragraph.
    spans = [(max(a, 0), min(b, size), kind, n) for a, b, kind, n in spans if a < size and b > 0 and a < b]
    opening: dict[int, list[tuple[str, int]]] = {}
    closing: dict[int, list[tuple[str, int]]] = {}
    for a, b, kind, n in spans:
        opening.setdefault(a, []).append((kind, n))
        closing.setdefault(b, []).append((kind, n))
    edges = sorted({0, size, *opening, *closing})
    active: set[tuple[str, int]] = set()
    for a, b in pairwise(edges):
        active -= set(closing.get(a, ()))
        active |= set(opening.get(a, ()))
        yield _Piece(
            text=text[a:b],
            values=tuple(sorted(n for kind, n in active if kind == "value")),
            names=tuple(sorted(n for kind, n in active if kind == "name")),
            anchors=tuple(sorted(n for kind, n in opening.get(a, ()) if kind == "value")),
            strong=("strong", -1) in active,
        )


def _scores(p: TaggedParagraph, scheme: Scheme) -> list[dict[str, Any]]:
    """Return the probabilities for the label's tooltip, the highest first."""
    table = [
        {"zh": d.zh, "key": d.value, "score": float(p.scores.get(d, 0)), "any": p.secondary_scores.get(d)}
        for d in scheme
    ]
    table.append({"zh": NONE_ZH, "key": NONE, "score": p.none_score, "any": None})
    return sorted(table, key=lambda row: -row["score"])


def _name(report: TaggedReport) -> str:
    return report.title or _source(report) or "未命名报告"


def _source(report: TaggedReport) -> str | None:
    """Return only the file name of the source: pages are shared, and folder names may reveal their owners."""
    return PureWindowsPath(report.source).name if report.source else None  # It splits at / and \.


def _key(label: Label | None) -> str:
    return label.value if label else NONE


def _keys(p: TaggedParagraph) -> list[str]:
    return [d.value for d in p.labels] or [NONE]


def _percent(share: float) -> str:
    """Format a share in whole per cent; a share above zero is never shown as 0%."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _number(i: Indicator) -> str:
    """Format the number with thousands separators (15,630,000,000), or as a dash if it couldn't be read."""
    return "—" if i.number is None else plain_number(i.number)


def _page(template: str, scheme: Scheme, **values: object) -> str:
    css, js = _asset("page.css") + palette(scheme), _asset("page.js")
    hashes = {"css_hash": _hash(css), "js_hash": _hash(js)}
    return _render(template, css=Markup(css), js=Markup(js), scheme=scheme, **hashes, **values)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


def palette(scheme: Scheme) -> str:
    """The style rules that give each label its colours, as `--c` and the text colour on it as `--t`."""
    return "".join(f".d-{key}{{--c:{ground};--t:{text}}}\n" for key, (ground, text) in _colors(scheme).items())


def _colors(scheme: Scheme) -> dict[str, tuple[str, str]]:
    """Return background and text colour by the name of the label; after the last colour the first is used again."""
    return {**{d.value: _COLORS[at % len(_COLORS)] for at, d in enumerate(scheme)}, NONE: _NONE_COLOR}


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache
def _asset(name: str) -> str:
    # Universal newlines are needed because the browser hashes the text after its parser has normalised them.
    return files("lawgov_nlp.results").joinpath("templates", name).read_text(encoding="utf-8")


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lawgov_nlp.results", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "number": _number, "label_zh": label_zh, "key": _key}
    environment.globals |= {"QUALIFIER_ZH": QUALIFIER_ZH, "role_zh": _role_zh, "ROOM": _ROOM_FOR_PERCENT, "NONE": NONE}
    return environment


def _role_zh(role: Role | None) -> str:
    """Return the Chinese name of a role; an empty string for work done, which needs no mark, and for None."""
    return "" if role in (None, Role.DONE) else ROLE_ZH[role]
