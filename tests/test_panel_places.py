"""Issuers to places with their codes: 370 written or drawn issuers, and what must not be guessed."""

import csv

import pytest

from lawgov_nlp.errors import PanelError
from lawgov_nlp.panel.gazetteer import gazetteer
from lawgov_nlp.panel.place_table import load_places, place_rows
from lawgov_nlp.panel.places import Status, resolve_issuer
from tests.conftest import ROOT
from tests.panel_reports import report


def issuers():
    with (ROOT / "tests" / "panel_issuers.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def found(row):
    place = resolve_issuer(
        [row["issuer"]] if row["issuer"] else [],
        [word for word in row["addressed"].replace("，", "、").split("、") if word],
        row["source"] or None,
        int(row["year"]) if row["year"] else None,
    )
    return place.code if place.status in (Status.RESOLVED, Status.UNLISTED) else ""


def test_issuers_are_resolved_as_asked():
    rows = issuers()
    named = [row for row in rows if row["code"]]
    codes = [found(row) for row in named]
    assert len(named) >= 300
    right = sum(code == row["code"] for code, row in zip(codes, named, strict=True))
    wrong = sum(bool(code) and code != row["code"] for code, row in zip(codes, named, strict=True))
    assert right / len(named) >= 0.97
    assert wrong / len(named) <= 0.005


def test_nothing_is_guessed():
    assert [row["issuer"] for row in issuers() if not row["code"] and found(row)] == []


def test_a_township_without_its_county_lists_the_candidates():
    place = resolve_issuer(["城关镇人民政府"])
    assert place.status is Status.AMBIGUOUS
    assert len(place.candidates) == 82
    assert place.code == ""


@pytest.mark.parametrize(
    ("issuer", "code", "note"),
    [
        ("沙县人民政府", "350405000000", "2021年改为沙县区"),  # the same place under another name: its code of today
        ("江干区人民政府", "330104000000", "2021年并入上城区"),  # a place that is no more: its own last code
    ],
)
def test_renamed_and_merged_counties(issuer, code, note):
    place = resolve_issuer([issuer], year=2018)
    assert place.code == code
    assert note in place.note


def test_the_code_of_the_year():
    gaz = gazetteer()
    assert gaz.then(gaz.by_code["350405"], 2018).code == "350427"
    assert gaz.then(gaz.by_code["350405"], 2022).code == "350405"


def test_the_gazetteer_is_whole():
    gaz = gazetteer()
    townships = [d for d in gaz.by_code.values() if d.level == "township"]
    assert len(townships) == 38_749
    assert all(d.parent in gaz.by_code for d in townships)


def test_a_users_table_settles_an_issuer_for_all_years(tmp_path):
    path = tmp_path / "places.csv"
    path.write_bytes(
        "issuer,code\n城关镇人民政府,410922100\n".encode("gb18030")
    )  # Excel's encoding, a code of 9 digits
    table = load_places(path)
    for year in (2020, 2021):
        place = table.place(report("城关镇人民政府", year))
        assert (place.status, place.id, place.county) == (Status.BY_HAND, "410922100000", "清丰县")


def test_what_is_written_can_be_given_back(tmp_path):
    reports = [
        report("城关镇人民政府", 2020),
        report("婺源县紫阳镇人民政府", 2020),
        report("苏州工业园区管理委员会", 2020),
    ]
    rows = place_rows(reports, load_places(None))
    assert [row["status"] for row in rows] == ["ambiguous", "unlisted", "resolved"]
    path = tmp_path / "places.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    table = load_places(path)
    assert [table.place(r).status for r in reports] == [Status.AMBIGUOUS, Status.RESOLVED, Status.UNLISTED]


def test_a_resolved_row_that_excel_has_rounded_stays_as_it_was(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("issuer,code,status\n婺源县人民政府,3.6113E+11,resolved\n", encoding="utf-8")
    assert load_places(path).place(report("婺源县人民政府", 2020)).code == "361130000000"


def test_a_merged_place_names_its_successor(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("issuer,code,successor\n婺源县紫阳镇人民政府,361130100,361130101000\n", encoding="utf-8")
    place = load_places(path).place(report("婺源县紫阳镇人民政府", 2020))
    assert place.successor == "361130101000"
    assert place.note.startswith("并入")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("issuer,code,successor\n甲镇,410922100,某镇\n", "successor is '某镇'"),
        ("issuer,place\n甲,1\n", "no column 'code'"),
        ('issuer,code\n"甲\n镇",110101\n,,\n\n乙,1\n', ":6: code is '1'"),
        ("issuer,code\n甲镇,12345\n", "places.csv:2: code is '12345'"),
        ("issuer,code\n甲镇,999999\n", "isn't in the gazetteer"),
        ("code\n110101\n", "no column 'issuer'"),
        ("issuer,code\n甲镇,410922100\n甲镇,410922101\n", "places.csv:3"),
        ("issuer,code,level\n甲镇,410922100,town\n", "level is 'town'"),
        ("", "is empty"),
        ("issuer,code\n甲镇,4.10922E+11\n", "rounded by Excel"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path, text, reason):
    (tmp_path / "places.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PanelError, match=reason.replace("(", r"\(")):
        load_places(tmp_path / "places.csv")
