"""Find the place of a report, a division with its code, from issuer, title, sign-off, folder and file names.

If a name may mean several divisions, its context decides (the 县 before the 镇, the sign-off, the folder), or the
user's table. Otherwise nothing is guessed, and the candidates are listed. A township without its county is never
resolved, even if no other present township has its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import NamedTuple

from lawgov_nlp.panel.gazetteer import Division, Gazetteer, gazetteer
from lawgov_nlp.report import LineKind, Report
from lawgov_nlp.text import StrEnum

_SPACE = re.compile(r"[\s\u200b\ufeff]+")
_PARTY = re.compile(r"^中共|^中国共产党")
_ZONES = (
    "经济技术开发区|高新技术产业开发区|高新技术开发区|高新技术产业园区|经济开发区|经开区|高新区|开发区|工业园区|工业集中区|产业园区|产业园|工业园|园区|新区|示范区"
    "|度假区|保税区|管理区|试验区|风景名胜区|风景区|景区|集聚区|合作区|先行区|实验区|示范园|物流园"
)
_GOVERNMENT = (
    r"(?:党委)?(?:人民政府|政府|办事处|街道办事处|街道办|办公室|办|党工委|工作委员会|工委|委员会|党委|委"
    r"|管理委员会|管委会)?"
)
_ORGANS = re.compile(rf"(?:委员会|党工委|工作委员会|党委)?{_GOVERNMENT}(?:办公室)?$")
_ZONE = re.compile(rf"(.{{0,14}}?(?:{_ZONES})){_GOVERNMENT}$")
_ZONE_BETWEEN = re.compile(rf".{{0,8}}?(?:{_ZONES})")
_FARM = re.compile(rf"(.{{1,10}}?(?:(?<!市)场|水库|团)){_GOVERNMENT}$")
_TOWN = re.compile(rf"(.{{1,12}}?(?:街道|苏木|镇|乡)){_GOVERNMENT}$")
_BUREAU = re.compile(
    r"(.{1,22}?(?:局|厅|委员会|委|办公室|办|中心|支队|大队|总队|法院|检察院|院|所|站|队|会|处|署|社|厂|公司|学校|医院))$"
)
_LEADING = re.compile(r"^(?:关于|中共|中国共产党|[〇零一二两三四五六七八九十\d]{2,4}年度?|[\d\s._\-—－、]+)+")
_ABOUT = re.compile(r"(?:关于|(?:19|20)\d\d|二[〇○零]|法治政府|法治建设|法治工作|依法行政|依法治理).*$")
_END = re.compile(r"(?:人民政府|政府|办事处|管委会|管理委员会|委员会|党工委|党委|局|厅|委$)")


class Status(StrEnum):
    """How the place of a report was determined."""

    RESOLVED = "resolved"
    UNLISTED = "unlisted"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"
    BY_HAND = "by_hand"


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place of a report.

    Attributes:
        status: `resolved`; `unlisted` (it lies in a known place but isn't in the gazetteer itself: a development zone,
            a farm, or a township of a place whose townships the gazetteer lacks); `ambiguous` (`candidates` has the
            possible places); `unknown`; `by_hand` (taken from the user's table).
        id: The identifier of the place in a panel, the same in all years: today's code; for an unlisted place the code
            of the place it lies in, and its name; for an unresolved place its issuer in angle brackets.
        code: Today's code, padded to 12 digits. A place that was merged into another one keeps its last code. An
            unlisted place has the code of the place it lies in. It is empty if nothing is known.
        name: The full name.
        level: `province`, `prefecture`, `county`, `township`, `zone` or `farm`; empty if unknown.
        province: The name of the province that it lies in, or is; likewise `prefecture`, `county` and `township`.
        body: The reporting body: `government`, `party` or the bureau (`司法局`).
        successor: For a merged place, the code of the place that it was merged into.
        candidates: The possible places.
        note: The source of the place if it isn't the issuer's name, or anything unusual.
    """

    status: Status
    id: str
    code: str = ""
    name: str = ""
    level: str = ""
    province: str = ""
    prefecture: str = ""
    county: str = ""
    township: str = ""
    body: str = ""
    successor: str = ""
    candidates: tuple[str, ...] = ()
    note: str = ""


class _Parse(NamedTuple):
    """A reading of an issuer: the divisions found in it, outermost first, and the rest of the text."""

    chain: tuple[Division, ...]
    rest: str
    skipped: int  # the number of levels that were skipped


class _Found(NamedTuple):
    """The reading of a phrase: the divisions that it may mean, and the rest that isn't in the gazetteer."""

    divisions: tuple[Division, ...]
    extra: str = ""  # an unlisted place in these divisions
    level: str = ""
    body: str = "government"
    named: int = 0  # the number of divisions that the phrase names


def resolve(report: Report, gaz: Gazetteer | None = None) -> Place:
    """Find the place of a report by its issuer. Title, sign-off, salutation and path decide between several places."""
    gaz = gaz or gazetteer()
    phrases = [report.issuer] if report.issuer else []
    for unit in report.units:
        if unit.kind in (LineKind.TITLE, LineKind.SIGNOFF) and unit.text not in phrases:
            phrases.append(unit.text)
    salutations = [
        word
        for unit in report.units
        if unit.kind is LineKind.SALUTATION
        for word in re.split("[、，,：: ]", unit.text)
        if len(word) > 2
    ]
    return resolve_issuer(phrases, salutations, report.source, report.year, gaz)


def resolve_issuer(
    phrases: Sequence[str],
    addressed: Iterable[str] = (),
    source: str | None = None,
    year: int | None = None,
    gaz: Gazetteer | None = None,
) -> Place:
    """Find the place that an issuer's name means.

    Args:
        phrases: The issuer, followed by other lines that name the place (title, sign-off), the most reliable first.
        addressed: The salutation, which names the government above it.
        source: The path of the file; the names of folders and file may contain the place.
        year: The year reported on, for names that another division had before.
        gaz: The gazetteer; None is that of the package.
    """
    gaz = gaz or gazetteer()
    pieces = [piece for phrase in phrases for piece in _pieces(phrase)]
    read = [(piece, found) for piece in pieces if (found := _read(_clean(piece), year, gaz))]
    beside = [found for word in addressed if (found := _read(_clean(word), year, gaz))]
    along = _path_places(source, year, gaz)
    label = next((_clean(p) for p in phrases if p.strip()), "")
    if not read and not along:
        level, body = _by_suffix(label)
        return Place(
            status=Status.UNKNOWN,
            id=f"<{label or source or '?'}>",
            name=label,
            level=level,
            body=body,
            note="没有读出地名" if label else "没有报告机关",
        )
    note = ""
    if read:
        main, others = read[0][1], [f for _, f in read[1:]]
        for phrase, other in read[1:]:  # The longer form of the same name decides.
            if _refines(other, main, gaz):
                main, note = other, f"据“{phrase[:30]}”"
    else:
        main, others, note = along[-1], along[:-1], "据文件路径"
    left = main.divisions
    if len(left) > 1 or (main.named == 1 and left[0].level == "township"):
        left, why = _narrow(main, [*others, *beside, *along], gaz)
        note = why or note
    lonely = main.named == 1 and bool(left) and left[0].level == "township" and not note.startswith("据")
    if len(left) != 1 or lonely:
        names = tuple(
            f"{padded(d.code)} {''.join(p.name for p in gaz.path(d))}" for d in (left or main.divisions)[:100]
        )
        note = (
            "只有乡镇街道名，没有县区名"
            if lonely or (main.named == 1 and main.divisions[0].level == "township")
            else "同名不止一处"
        )
        return Place(
            status=Status.AMBIGUOUS,
            id=f"<{label}>",
            name=label,
            level=main.level,
            candidates=names,
            body=main.body,
            note=note,
        )
    clash = [
        phrase
        for phrase, other in read[:2]
        if len(other.divisions) == 1 and other.named > 1 and _apart(other.divisions[0], left[0], gaz)
    ]
    if clash:
        note = f"另有“{clash[0][:30]}”指别处"
    return _place(left[0], main, note, gaz)


def _by_suffix(label: str) -> tuple[str, str]:
    """Return level and body of an issuer with an unknown place, by the end of its name. 市 may be of two levels."""
    if _TOWN.fullmatch(label):
        return "township", "government"
    if re.search(rf"(?:{_ZONES}){_GOVERNMENT}$", label):
        return "zone", "government"
    if re.search(rf"[县旗]{_GOVERNMENT}$", label):
        return "county", "government"
    if _ORGANS.search(label) and re.search(r"(?:政府|委员会)$", label):
        return "", "government"
    found = re.search(r"[县市区旗]([^县市区旗]{1,14}(?:局|委员会|办公室|中心|大队|支队))$", label)
    return ("", found[1]) if found else ("", "")


def _refines(other: _Found, main: _Found, gaz: Gazetteer) -> bool:
    """Whether another phrase names the same place more precisely, such as 某县某镇 for 某镇."""
    if len(main.divisions) == 1 and main.named > 1 and not main.extra:
        return False
    if len(other.divisions) != 1 or other.named <= main.named:
        return False
    return other.divisions[0] in main.divisions or (
        main.extra == "" and any(gaz.now(d) == gaz.now(other.divisions[0]) for d in main.divisions)
    )


def _apart(one: Division, other: Division, gaz: Gazetteer) -> bool:
    a, b = gaz.now(one), gaz.now(other)
    return a != b and not gaz.within(a, b) and not gaz.within(b, a)


def _narrow(main: _Found, evidence: Sequence[_Found], gaz: Gazetteer) -> tuple[tuple[Division, ...], str]:
    """Return those of several divisions that lie in a place that the report names elsewhere."""
    left = main.divisions
    for found in evidence:
        inside = tuple(
            d
            for d in left
            if any(gaz.within(d, above) or (d == above and found.named > main.named) for above in found.divisions)
        )
        if inside and len(found.divisions) < 5:
            names = "、".join(d.name for d in found.divisions)
            if len(inside) == 1:
                return inside, f"据{names}"
            left = inside
    return left, ""


def _path_places(source: str | None, year: int | None, gaz: Gazetteer) -> list[_Found]:
    """Read the names of folders and file, outermost first. Each is interpreted within the places above it."""
    if not source:
        return []
    parts = PurePath(source.replace("\\", "/")).parts[-5:]
    words = [_clean(PurePath(part).stem if k == len(parts) - 1 else part) for k, part in enumerate(parts)]
    found: list[_Found] = []
    before = ""
    for word in words:
        joined = _read(before + word, year, gaz) if before else None
        alone = _read(word, year, gaz)
        best = joined or alone
        if best:
            found.append(best)
            before = before + word if joined else word
            before = _END.sub("", before)
    return found


def _pieces(phrase: str) -> list[str]:
    """Split a phrase that names several bodies, the government before the party. Otherwise return it alone."""
    pieces = [piece for piece in re.split(r"[\s、]+", phrase.strip()) if len(piece) > 2]
    if len(pieces) < 2 or not all(_END.search(piece) or _TOWN.fullmatch(piece) for piece in pieces):
        return [phrase]
    return sorted(pieces, key=lambda piece: bool(_PARTY.search(piece)))


def _clean(phrase: str) -> str:
    """Return the issuer's name without white space, 中共, the year and the text after the name."""
    text = _SPACE.sub("", phrase)
    text = _LEADING.sub("", text)
    text = re.sub(r"[（(【〔].*?[）)】〕]", "", text)
    text = re.sub(r"^(?:印发|报送|上报)", "", text)
    if about := _ABOUT.search(text):
        text = text[: about.start()] or text
    return text.strip("的，。：:、_-—－· \u3000\"“”'")


def _read(text: str, year: int | None, gaz: Gazetteer) -> _Found | None:
    """Read a cleaned phrase; None if it doesn't begin with a known place."""
    best: list[tuple[tuple[int, ...], _Parse, tuple[str, str, str]]] = []
    for parse in _parses(text, gaz):
        kind = _rest(parse)
        if kind is None:
            continue
        grade, extra, level, body = kind
        short = [d.name not in text for d in parse.chain]
        mixed = bool(extra) and any(short[k] and not short[k - 1] for k in range(1, len(short)))  # 舟山市普陀·山风景区
        best.append(((grade, -mixed, -len(parse.rest), -sum(short), -parse.skipped), parse, (extra, level, body)))
    if not best:
        return None
    top = max(score[:3] for score, _, _ in best)
    chosen = [(score, parse, rest) for score, parse, rest in best if score[:3] == top]
    # In 西湖区北山街道, a 街道 directly below the division named before it takes precedence over deeper ones.
    finest = max(score[3:] for score, _, _ in chosen)
    chosen = [c for c in chosen if c[0][3:] == finest]
    extra, level, body = chosen[0][2]
    divisions = list(dict.fromkeys(parse.chain[-1] for _, parse, _ in chosen))
    if len(divisions) > 1:
        divisions = _of_their_time(divisions, year)
    named = max(len(parse.chain) for _, parse, _ in chosen)
    return _Found(tuple(divisions), extra, level or divisions[0].level, body, named)


def _of_their_time(divisions: list[Division], year: int | None) -> list[Division]:
    """Return those divisions of the same name that existed in the year, or the present ones if no year is given."""
    if year is None:
        valid = [d for d in divisions if d.current]
    else:
        valid = [d for d in divisions if d.until is None or d.until > year]
        if any(d.until for d in valid) and len(valid) > 1:  # The former division had the name, not the later one.
            continued = {d.successor for d in valid if d.until and d.continues}
            valid = [d for d in valid if not (d.current and d.code in continued)]
    return valid or divisions


def _parses(text: str, gaz: Gazetteer) -> list[_Parse]:
    """Return all readings of a phrase as a chain of divisions that starts at its beginning."""
    done: list[_Parse] = []

    def go(at: int, chain: tuple[Division, ...], skipped: int) -> None:
        if chain:
            done.append(_Parse(chain, text[at:], skipped))
        if len(chain) >= 4 or len(done) > 4000:
            return
        starts = [at]
        if chain and chain[-1].level in ("prefecture", "county") and (zone := _ZONE_BETWEEN.match(text, at)):
            starts.append(zone.end())  # 合肥经济技术开发区海恒街道
        for begin, division, end in _at(text, starts, gaz):
            if not chain:
                go(end, (division,), 0)
            elif _below(division, chain[-1], gaz) and (begin == at or division.level == "township"):
                direct = division.parent in (chain[-1].code, chain[-1].successor) or chain[-1].level == "province"
                go(end, (*chain, division), skipped + (not direct))

    go(0, (), 0)
    return done


def _at(text: str, starts: Sequence[int], gaz: Gazetteer) -> Iterator[tuple[int, Division, int]]:
    """Yield the divisions whose names begin at one of some offsets, the longest first: offset, division, end."""
    for begin in starts:
        for end in range(min(len(text), begin + gaz.longest), begin + 1, -1):
            for division in gaz.names.get(text[begin:end], ()):
                yield begin, division, end


def _below(division: Division, above: Division, gaz: Gazetteer) -> bool:
    order = ("province", "prefecture", "county", "township")
    if order.index(division.level) <= order.index(above.level):
        return False
    if gaz.within(division, above):
        return True
    # The townships of a county that no longer exists may have come to any of its neighbours.
    if not above.current and above.level == "county" and division.level == "township":
        return above.parent in {d.code for d in gaz.path(division)}
    return False


def _rest(parse: _Parse) -> tuple[int, str, str, str] | None:
    """Interpret the text after the divisions: how well it is understood, an unlisted place, its level, the body."""
    rest, last = parse.rest, parse.chain[-1]
    if _ORGANS.fullmatch(rest):
        party = bool(re.search("委员会|党委|委$|工委", rest)) and not re.search("政府|办事处|管委会|管理委员会", rest)
        return 3, "", "", "party" if party else "government"
    if last.level != "township":
        for pattern, level in ((_ZONE, "zone"), (_TOWN, "township"), (_FARM, "farm")):
            if (match := pattern.fullmatch(rest)) and not re.match("人民政府|政府|委员会|办事处", rest):
                return 2, match[1], level, "government"
        if (match := _ZONE.match(rest)) is None:
            for pattern in (re.compile(rf"((?:.{{0,14}}?)(?:{_ZONES}))(.+)$"),):
                if zone := pattern.match(rest):
                    inner = _BUREAU.fullmatch(zone[2])
                    if inner:
                        return 2, zone[1], "zone", inner[1]
    if (match := _BUREAU.fullmatch(re.sub("^人民政府|^政府", "", rest))) is not None:
        return 2, "", "", match[1]
    return None


def _place(division: Division, found: _Found, note: str, gaz: Gazetteer) -> Place:
    now = gaz.now(division)
    path = {d.level: d.name for d in gaz.path(now)}
    notes = [note] if note else []
    successor = ""
    if now != division:
        notes.append(f"原{division.name}（{padded(division.code)}），{division.until}年改为{now.name}")
    elif not now.current and now.successor:
        heir = gaz.by_code.get(now.successor)
        successor = padded(now.successor)
        notes.append(f"{now.until}年并入{heir.name if heir else now.successor}")
    elif not now.current:
        notes.append("已撤销")
    place = Place(
        status=Status.RESOLVED,
        id=padded(now.code),
        code=padded(now.code),
        name="".join(d.name for d in gaz.path(now)),
        level=found.level if found.extra else now.level,
        province=path.get("province", ""),
        prefecture=path.get("prefecture", ""),
        county=path.get("county", ""),
        township=path.get("township", ""),
        body=found.body,
        successor=successor,
        note="；".join(notes),
    )
    if found.extra:
        place = replace(
            place,
            status=Status.UNLISTED,
            id=f"{place.code}/{found.extra}",
            name=place.name + found.extra,
            township=found.extra,
        )
    if place.body not in ("government", "party"):
        place = replace(place, id=f"{place.id}:{place.body}", name=place.name + place.body)
    return place


def padded(code: str) -> str:
    """Return a code with 12 digits."""
    return code.ljust(12, "0")
