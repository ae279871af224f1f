"""The canonical indicators: what a name like 调处各类矛盾纠纷 counts, as a code that is the same in every report.

`data/indicators.csv` has a row for each code. A user's own file of the same form adds codes, or replaces those that it
names. A name gets a code by its synonyms, its pattern or its likeness to a synonym, and only where unit and topic fit;
below `THRESHOLD` it gets none.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rapidfuzz import fuzz, process

from lawgov_nlp.errors import PanelError
from lawgov_nlp.panel.tables import NumberedRow, read_table
from lawgov_nlp.scheme import CODEBOOK

THRESHOLD = 90.0
"""Likeness of the normal forms, 0 to 100, from which on a name is taken for a synonym. Swept on the coded names' first
four fifths: at 80 precision falls by a point and recall gains less than one."""

COLUMNS = (
    "code",
    "zh",
    "en",
    "dimension",
    "units",
    "definition",
    "includes",
    "excludes",
    "synonyms",
    "pattern",
    "unless",
)
_NEEDED = ("code", "zh", "dimension", "units", "synonyms")
_CODE = re.compile(r"[a-z][a-z0-9_]{1,31}")  # 32 characters: what Stata allows for a variable
_FRONT = re.compile(
    r"^(?:全[年镇县市区乡省局街]|[我本]?[镇县市区乡局省]级?(?=[^级])(?![直委人政长级区街村社域内])|共计?|累计|各类|各种|各级|各项|开展|组织|举办|召开|提供|发放|印发|出具|制作|有(?!效)"
    r"|悬挂|张贴|年度|年内)+"
)
_BACK = re.compile(r"(?:数量|总数|总量|件数|起数|人数|次数|数)$")
_SAME_UNIT = {
    "起": "件", "宗": "件", "例": "件", "桩": "件", "件次": "件", "案": "件",
    "人": "名", "位": "名",
    "场次": "场", "堂": "节", "讲": "节", "课时": "节",
    "户": "家", "户次": "家次", "处次": "家次", "批": "批次",
    "幅": "条", "则": "条", "部": "件", "卷": "份", "本": "份", "册": "份",
    "％": "%", "个百分点": "百分点", "个工作日": "天", "日": "天",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class IndicatorCode:
    """A canonical indicator.

    Attributes:
        code: Its name in data, at most 32 letters, digits and underscores.
        zh: Its Chinese label; `en` the English one.
        topics: The dimensions that its numbers may have, its own first.
        units: The units that its numbers may have; the first is the one shown.
        definition: What it counts.
        includes: What belongs to it, `excludes` what doesn't, for people who code.
        synonyms: Names that mean it, as they stand in reports.
        pattern: Regular expressions, one of which finds it in a normal form; empty for none.
        unless: Regular expressions that speak against the pattern and the likeness.
    """

    code: str
    zh: str
    en: str
    topics: tuple[str, ...]
    units: tuple[str, ...]
    definition: str = ""
    includes: str = ""
    excludes: str = ""
    synonyms: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None

    @property
    def dimension(self) -> str:
        """Its own topic."""
        return self.topics[0]

    @cached_property
    def _units(self) -> frozenset[str]:
        return frozenset(map(plain_unit, self.units))

    def takes(self, unit: str, topic: str | None) -> bool:
        """Whether a number of this unit and topic can be one of it. A topic of None or of other labels always can."""
        return plain_unit(unit) in self._units and (topic is None or topic in self.topics or topic not in CODEBOOK)


class Match(NamedTuple):
    """What a name was taken for.

    Attributes:
        code: The code; None where nothing comes near enough.
        score: How near, 0 to 100: 100 for a synonym, 95 for a pattern, else the likeness.
        how: `synonym`, `pattern`, `likeness` or an empty string.
        near: The code that came nearest where none was given; else an empty string.
    """

    code: str | None
    score: float
    how: str = ""
    near: str = ""


class Indicators:
    """A list of canonical indicators, to look names up in."""

    def __init__(self, codes: Iterable[IndicatorCode]) -> None:
        self.codes = {code.code: code for code in codes}
        self._synonyms: dict[str, list[IndicatorCode]] = defaultdict(list)
        for code in self.codes.values():
            for name in code.synonyms:
                if code not in self._synonyms[normal_form(name)]:
                    self._synonyms[normal_form(name)].append(code)
        self._known: dict[tuple[str, str, str | None], Match] = {}
        self._fitting: dict[tuple[str, str | None], tuple[list[IndicatorCode], dict[str, IndicatorCode]]] = {}

    def match(self, name: str | None, unit: str, topic: str | None = None) -> Match:
        """The code of a name with its unit and topic.

        Args:
            name: What is counted, as it stands in the report; None gives no code.
            unit: The unit as `lawgov_nlp.results.quantity` reads it.
            topic: The dimension of what is counted.
        """
        if not name:
            return Match(None, 0.0)
        key = (name, unit, topic)
        if key not in self._known:
            self._known[key] = self._match(*key)
        return self._known[key]

    def _match(self, name: str, unit: str, topic: str | None) -> Match:
        form = normal_form(name)
        fitting, choices = self._fits(unit, topic)
        # of codes that share a synonym (培训 for sessions and for people) unit and topic tell; the own topic goes first
        for code in sorted(self._synonyms.get(form, ()), key=lambda c: c.dimension != topic):
            if code.takes(unit, topic):
                return Match(code.code, 100.0, "synonym")
        matched = [
            code
            for code in fitting
            if code.pattern and code.pattern.search(form) and not (code.unless and code.unless.search(form))
        ]
        if matched:
            best = min(matched, key=lambda c: c.dimension != topic)
            return Match(best.code, 95.0, "pattern")
        found = process.extractOne(form, choices.keys(), scorer=fuzz.ratio)
        if found is None:
            return Match(None, 0.0)
        code, score = choices[found[0]], float(found[1])
        if score >= THRESHOLD and len(form) > 3 and not (code.unless and code.unless.search(form)):
            return Match(code.code, score, "likeness")
        return Match(None, score, "", code.code)

    def _fits(self, unit: str, topic: str | None) -> tuple[list[IndicatorCode], dict[str, IndicatorCode]]:
        """The codes that a unit and topic leave, and their synonyms."""
        key = (plain_unit(unit), topic)
        if key not in self._fitting:
            codes = [code for code in self.codes.values() if code.takes(unit, topic)]
            self._fitting[key] = (codes, {normal_form(s): code for code in codes for s in code.synonyms})
        return self._fitting[key]


def normal_form(name: str) -> str:
    """A name without white space, quotation marks, brackets round the whole, light verbs and 全镇, 各类, …数."""
    text = re.sub(r"[\s“”\"'‘’《》「」]", "", name).replace("(", "（").replace(")", "）")
    shorter = _FRONT.sub("", text)
    text = shorter if len(shorter) > 1 else text
    shorter = _BACK.sub("", text)
    return shorter if len(shorter) > 1 else text


def plain_unit(unit: str) -> str:
    """One of the units that mean the same (件, 起, 宗)."""
    return _SAME_UNIT.get(unit, unit)


@cache
def shipped_indicators() -> Indicators:
    """The codes that come with the package."""
    text = (files("lawgov_nlp.panel") / "data" / "indicators.csv").read_text(encoding="utf-8")
    return Indicators(_codes(enumerate(csv.DictReader(io.StringIO(text)), 2), "indicators.csv"))


def load_indicators(path: Path | None = None) -> Indicators:
    """The shipped codes with those of a user's file added, or put in the place of the ones that it names.

    Raises:
        PanelError: The file can't be read, lacks a column or has a wrong row; the message says which.
    """
    shipped = shipped_indicators()
    if path is None:
        return shipped
    rows = read_table(path, needed=_NEEDED, known=COLUMNS)
    return Indicators({**shipped.codes, **{code.code: code for code in _codes(rows, str(path))}}.values())


def _codes(rows: Iterable[NumberedRow], source: str) -> list[IndicatorCode]:
    """The rows as codes, each checked."""
    found: dict[str, IndicatorCode] = {}
    for number, row in rows:
        where = f"{source}:{number}"
        name = row["code"].strip()
        if not _CODE.fullmatch(name):
            raise PanelError(f"{where}: code is {name!r}; use 2 to 32 letters a to z, digits and _, a letter first")
        if name in found:
            raise PanelError(f"{where}: code {name!r} comes twice; keep one row for it")
        topics, units = tuple(row["dimension"].split()), tuple(row["units"].split())
        strange = [t for t in topics if t not in CODEBOOK or not CODEBOOK.label(t).is_topic]
        if strange or not topics:
            raise PanelError(f"{where}: dimension is {row['dimension']!r}; use topics such as mediation or publicity")
        if not units:
            raise PanelError(
                f"{where}: units is empty; give the units of {name!r} with spaces between, such as 件 起 宗"
            )
        found[name] = IndicatorCode(
            code=name,
            zh=row["zh"],
            en=row.get("en") or row["zh"],
            topics=topics,
            units=units,
            definition=row.get("definition", ""),
            includes=row.get("includes", ""),
            excludes=row.get("excludes", ""),
            synonyms=tuple(s.strip() for s in re.split("[;；]", row["synonyms"]) if s.strip()),
            pattern=_pattern(row.get("pattern", ""), where),
            unless=_pattern(row.get("unless", ""), where),
        )
    return [*found.values()]


def _pattern(text: str, where: str) -> re.Pattern[str] | None:
    parts = [part for part in text.split(";") if part.strip()]
    if not parts:
        return None
    try:
        return re.compile("|".join(f"(?:{part})" for part in parts))
    except re.error as error:
        raise PanelError(f"{where}: {text!r} is no regular expression ({error}); separate several with ;") from None
