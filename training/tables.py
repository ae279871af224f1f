"""How much of the gold of data/tables is found in the tables as docx, html and ruled pdf: `python training/tables.py`.

Prints the F1 of cells (found where the gold has one), of names, numbers and units, and of all three together, for each
split and format. `--errors` lists what differs. No model is involved: names, numbers and units come by rule.
"""

from __future__ import annotations

import argparse
import html
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from lawgov_nlp.readers.load import read_report
from lawgov_nlp.results.figures import figures

DATA = Path(__file__).resolve().parents[1] / "data" / "tables"
SPLITS = ("dev", "held_out", "later")
FORMATS = ("docx", "html", "pdf")
_INTRO = "今年以来，坚持依法履职，各项工作有序推进，有关情况见附后的统计，现将数据公布，接受社会监督。"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A cell to draw: its text and how many rows and columns it covers."""

    text: str
    row: int
    column: int
    rows: int
    columns: int


@dataclass(kw_only=True)
class GoldTable:
    """A table of data/tables.

    Attributes:
        id: Its name (`d01`).
        meta: Body, heading, caption, unit, header, note, pages.
        grid: Its rows of cells as written.
        gold: (row, column) -> name, number, unit, whether it is a total.
    """

    id: str
    meta: dict[str, str] = field(default_factory=dict)
    grid: list[list[str]] = field(default_factory=list)
    gold: dict[tuple[int, int], tuple[str, Decimal, str, bool]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title of the report that it stands in."""
        return f"{self.meta['body']}2023年法治政府建设年度报告"

    def drawn(self) -> list[Drawn]:
        """Its cells with their spans."""
        cells = []
        for r, row in enumerate(self.grid):
            for c, text in enumerate(row):
                if text in "<^" and text:
                    continue
                columns = next((k for k in range(1, len(row) - c) if row[c + k] != "<"), len(row) - c)
                rows = next((k for k in range(1, len(self.grid) - r) if self.grid[r + k][c] != "^"), len(self.grid) - r)
                cells.append(Drawn(text=text, row=r, column=c, rows=rows, columns=columns))
        return cells


def load_tables(split: str) -> list[GoldTable]:
    """The tables of a split."""
    tables: list[GoldTable] = []
    part = "meta"
    for line in (DATA / f"{split}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            tables.append(GoldTable(id=line[2:].strip()))
            part = "meta"
        elif line.strip() == "--":
            part = "gold"
        elif part == "gold":
            row, column, name, number, unit, *total = line.split()
            tables[-1].gold[int(row), int(column)] = (name, Decimal(number), unit.strip("-"), total == ["total"])
        elif " | " in line:
            tables[-1].grid.append([cell.strip() for cell in line.split("|")])
        else:
            key, _, value = line.partition(":")
            tables[-1].meta[key] = value.strip()
    return tables


def write_docx(table: GoldTable, path: Path) -> None:
    """Write the report as Word does: merged cells, a caption, a unit line on the right."""
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    document = docx.Document()
    for text in (table.title, table.meta["heading"], _INTRO, table.meta.get("caption"), table.meta.get("unit")):
        if text:
            paragraph = document.add_paragraph(text)
            if text in (table.title, table.meta.get("caption")):
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    made = document.add_table(rows=len(table.grid), cols=len(table.grid[0]))
    made.style = "Table Grid"
    for cell in table.drawn():
        first = made.cell(cell.row, cell.column)
        last = made.cell(cell.row + cell.rows - 1, cell.column + cell.columns - 1)
        (first.merge(last) if last is not first else first).text = cell.text
    for text in (table.meta.get("note"), table.meta["body"], "2024年1月15日"):
        if text:
            document.add_paragraph(text)
    document.save(str(path))


def write_html(table: GoldTable, path: Path) -> None:
    """Write the report as a page of a government site."""
    rows: dict[int, list[str]] = {}
    for cell in table.drawn():
        spans = f' rowspan="{cell.rows}"' * (cell.rows > 1) + f' colspan="{cell.columns}"' * (cell.columns > 1)
        rows.setdefault(cell.row, []).append(f"<td{spans}><p>{html.escape(cell.text)}</p></td>")
    made = "".join(f"<tr>{''.join(rows.get(r, []))}</tr>" for r in range(len(table.grid)))
    before = (table.meta["heading"], _INTRO, table.meta.get("caption"), table.meta.get("unit"))
    after = (table.meta.get("note"), table.meta["body"], "2024年1月15日")
    texts = [[f"<p>{html.escape(text)}</p>" for text in part if text] for part in (before, after)]
    page = f"<html><head><meta charset=utf-8><title>{table.title}</title></head><body><h1>{table.title}</h1>"
    article = f"{''.join(texts[0])}<table border=1>{made}</table>{''.join(texts[1])}"
    page += f"<div class=TRS_Editor>{article}</div></body></html>"
    path.write_text(page, encoding="utf-8")


def write_pdf(table: GoldTable, path: Path) -> None:
    """Write the report as a pdf with a ruled table, over two pages where the gold says so."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    font: dict[str, Any] = {"fontName": "STSong-Light", "wordWrap": "CJK"}
    body = ParagraphStyle("body", fontSize=16, leading=28, firstLineIndent=32, **font)
    title = ParagraphStyle("title", fontSize=22, leading=34, alignment=1, **font)
    middle = ParagraphStyle("middle", fontSize=14, leading=24, alignment=1, **font)
    right = ParagraphStyle("right", fontSize=12, leading=20, alignment=2, **font)
    inside = ParagraphStyle("inside", fontSize=11, leading=15, alignment=1, **font)
    story: list[Any] = [Paragraph(html.escape(table.title), title), Paragraph(table.meta["heading"], body)]
    story.append(Paragraph(_INTRO, body))
    if table.meta.get("pages"):
        story.append(Spacer(1, 400))
    story += [
        Paragraph(table.meta[key], style) for key, style in (("caption", middle), ("unit", right)) if key in table.meta
    ]
    style: list[Any] = [("GRID", (0, 0), (-1, -1), 0.5, "black"), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
    cells: list[list[Any]] = [[""] * len(row) for row in table.grid]
    for cell in table.drawn():
        cells[cell.row][cell.column] = Paragraph(html.escape(cell.text), inside)
        if cell.rows * cell.columns > 1:
            end = (cell.column + cell.columns - 1, cell.row + cell.rows - 1)
            style.append(("SPAN", (cell.column, cell.row), end))
    repeat = int(table.meta["header"]) if table.meta.get("pages") else 0
    story += [
        Table(cells, colWidths=[430 / len(cells[0])] * len(cells[0]), style=style, repeatRows=repeat),
        Spacer(1, 20),
    ]
    story += [Paragraph(text, body) for text in (table.meta.get("note"), table.meta["body"], "2024年1月15日") if text]
    SimpleDocTemplate(str(path), pagesize=A4, leftMargin=80, rightMargin=80).build(story)


WRITERS = {"docx": write_docx, "html": write_html, "pdf": write_pdf}


@dataclass(kw_only=True)
class Counts:
    """How many cells the gold has and the package found, and how many of them agree, by what is compared."""

    gold: int = 0
    found: int = 0
    right: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("cell", "name", "number", "unit", "total", "all"), 0)
    )

    def f1(self, what: str) -> float:
        """The F1 of one thing."""
        return 2 * self.right[what] / (self.gold + self.found) if self.gold + self.found else 0.0


def score(table: GoldTable, path: Path, counts: Counts) -> list[str]:
    """Count one table's cells, and return what differs."""
    report = read_report(path)
    found = {}
    for number, read in enumerate(report.tables):
        for figure in figures(read):
            found[(number, figure.cell.row, figure.cell.column)] = figure
    wrong = [] if len(report.tables) == 1 else [f"{len(report.tables)} tables"]
    counts.gold += len(table.gold)
    counts.found += len(found)
    for (row, column), (name, value, unit, total) in table.gold.items():
        figure = found.pop((0, row, column), None)
        if figure is None:
            wrong.append(f"{row},{column}: missing {name}")
            continue
        same = {"name": figure.name == name, "number": figure.number == value, "unit": figure.unit == unit}
        same |= {"total": figure.total == total, "cell": True}
        same["all"] = same["name"] and same["number"] and same["unit"]
        for what, right in same.items():
            counts.right[what] += right
        if not all(same.values()):
            got = f"{figure.name} {figure.number} {figure.unit} {figure.total}"
            wrong.append(f"{row},{column}: {got}; gold {name} {value} {unit} {total}")
    wrong += [f"{row},{column}: extra {figure.name} {figure.text}" for (_, row, column), figure in found.items()]
    return wrong


def main() -> None:
    """Print the scores of both splits in all formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", action="store_true", help="list what differs")
    parser.add_argument("--split", choices=SPLITS, help="one split only")
    args = parser.parse_args()
    print("| split | format | cells | cell | name | number | unit | total | all three |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for split in [args.split] if args.split else SPLITS:
            for form in FORMATS:
                counts, wrong = Counts(), []
                for table in load_tables(split):
                    path = Path(folder) / f"{table.id}.{form}"
                    WRITERS[form](table, path)
                    wrong += [f"  {table.id} {line}" for line in score(table, path, counts)]
                figures_ = " | ".join(f"{counts.f1(what):.3f}" for what in counts.right)
                print(f"| {split} | {form} | {counts.gold} | {figures_} |")
                if args.errors:
                    print("\n".join(wrong))


if __name__ == "__main__":
    main()
