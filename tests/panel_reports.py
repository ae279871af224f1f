"""Tagged reports for the panel's tests: a text with its numbers marked, as a model would have marked them."""

import re
from dataclasses import replace

from lawgov_nlp import TaggedReport
from lawgov_nlp.annotation.gold import GoldLine, GoldReport
from lawgov_nlp.annotation.markup import parse_markup
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import read_quantity


def tagged(markup: str, source: str, year: int | None = None) -> TaggedReport:
    """The report of some markup lines as a tagged one; `[title]` and `[signoff]` lines give issuer and date."""
    made = as_tagged(parse_markup(f"level: township\n---\n{markup.strip()}\n", "t01"), source)
    return replace(made, year=year) if year else made


def as_tagged(gold: GoldReport, source: str) -> TaggedReport:
    """A coded report as a sure model would have tagged it, without roles."""
    report = parse_report(gold.text, source=source)
    lines, at = {}, 0
    for unit in gold.units:
        lines[at] = unit
        at += len(unit.text) + 1
    paragraphs = []
    for unit in report.paragraphs:
        coded = lines.get(unit.start)
        if coded is None or coded.text != unit.text:  # white space around the line, or a line that the reader joins
            coded = GoldLine(kind=LineKind.BODY, text=unit.text)
        indicators = []
        for i in sorted(coded.indicators, key=lambda i: i.value):
            (start, end), (first, last) = i.value, i.name
            reading = read_quantity(coded.text, start, end)
            indicators.append(
                Indicator(
                    text=coded.text[start:end],
                    start=unit.start + start,
                    end=unit.start + end,
                    name=coded.text[first:last] or None,
                    name_start=unit.start + first if first < last else None,
                    name_end=unit.start + last if first < last else None,
                    number=reading.number,
                    unit=reading.unit,
                    qualifier=reading.qualifier,
                    dimension=i.dimension,
                )
            )
        paragraphs.append(
            TaggedParagraph(
                text=unit.text,
                start=unit.start,
                end=unit.end,
                headings=unit.headings,
                label=coded.primary,
                labels=(coded.primary, *coded.secondary) if coded.primary else (),
                scores={coded.primary: 0.95} if coded.primary else {},
                indicators=tuple(indicators),
            )
        )
    fields = {
        name: getattr(report, name)
        for name in ("text", "units", "title", "issuer", "year", "date", "doc_number", "source")
    }
    return TaggedReport(**fields, tagged=tuple(paragraphs))


def report(issuer: str, year: int, *lines: str, source: str | None = None, date: str = "") -> TaggedReport:
    """A report of one paragraph a line; `[纠纷]{5件}` in a line marks a number and its name, `{5%}` alone one of the name before."""
    body = []
    for line in lines or ("none 现将有关情况报告如下。",):
        label, _, text = line.partition(" ")
        names: list[str] = []

        def mark(match: re.Match[str], names=names, label=label) -> str:
            if match[1]:
                names.append(match[1])
            letter = chr(ord("a") + len(names) - 1)
            topic = match[3] or (label if label not in ("plans", "shortcomings") else "enforcement")
            name = f"<{letter}:{match[1]}>" if match[1] else ""
            return f"{name}{{{letter}:{match[2]}|{topic}}}"

        body.append(f"[{label}] " + re.sub(r"(?:\[([^\]]+)\])?\{([^|}]+)(?:\|(\w+))?\}", mark, text))
    markup = "\n".join(
        [
            f"[title] {issuer}",
            f"[title] 关于{year}年法治政府建设情况的报告",
            "[heading] 一、主要做法",
            *body,
            f"[signoff] {issuer}",
            f"[signoff] {date or f'{year + 1}年1月8日'}",
        ]
    )
    return tagged(markup, source or f"{issuer}{year}.txt", year)
