"""The server behind the page: who may speak to it, what it answers, two coders, learning from what was corrected."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from lawgov_nlp.annotation import markup
from lawgov_nlp.annotation.markup import read_markup_folder
from lawgov_nlp.cli.main import app
from lawgov_nlp.errors import ReviewError
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import Coding, from_gold
from lawgov_nlp.review.library import Library
from lawgov_nlp.review.next_up import estimate, suggested
from lawgov_nlp.review.security import MOST_BYTES, allowed_hosts
from tests.conftest import ROOT
from tests.review_site import Running, running, write_reports

EMPTY = Coding(primary=None)


@pytest.fixture
def site(tmp_path, gold, base) -> Iterator[Running]:
    with running([write_reports(tmp_path / "reports", gold, 3)], tmp_path / "out", base) as found:
        yield found


def bodies(gold):
    return [u for u in gold.units if u.kind is LineKind.BODY]


def coded(gold, at: int) -> dict:
    return from_gold(bodies(gold)[at], EMPTY).to_dict()


def paragraph(site: Running, name: str, at: int) -> dict:
    _, report = site.ask("GET", f"/api/reports/{name}")
    return next(line for line in report["lines"] if line.get("at") == at)


def test_a_correction_is_saved_and_read_back(site, gold, tmp_path):
    before = {p: p.read_bytes() for p in (tmp_path / "reports").iterdir()}
    now = paragraph(site, "r001", 1)
    body = {"base": now["version"], "what": "confirm", "coding": coded(gold, 1)}
    status, saved = site.ask("POST", "/api/reports/r001/paragraphs/1", body)
    assert status == 200
    assert saved["readings"] == [{"number": "4", "unit": "次", "qualifier": "exact"}]
    assert saved["progress"]["done"] == 1
    assert markup.read_markup(tmp_path / "out" / "r001.txt").units[5] == bodies(gold)[1]
    status, clash = site.ask(
        "POST", "/api/reports/r001/paragraphs/1", {**body, "coding": {**coded(gold, 1), "note": "x"}}
    )
    assert (status, clash["code"]) == (409, "conflict")
    assert clash["current"]["coding"] == coded(gold, 1)
    assert site.ask("POST", "/api/reports/r001/undo", {})[1]["coding"]["labels_coded"] is False
    assert {p: p.read_bytes() for p in (tmp_path / "reports").iterdir()} == before


def test_what_does_not_fit_is_refused_with_its_reason(site, gold):
    version = paragraph(site, "r000", 1)["version"]
    for coding, code in [
        ({"primary": "x"}, "unknown-label"),
        ({"names": [[0, 3]], "indicators_coded": True}, "incomplete"),
    ]:
        body = {"base": version, "what": "confirm", "coding": {**EMPTY.to_dict(), **coding}}
        status, said = site.ask("POST", "/api/reports/r000/paragraphs/1", body)
        assert (status, said["code"]) == (422, code)
    for body in (None, [], {"what": "confirm"}, {"base": version, "what": "steal", "coding": EMPTY.to_dict()}):
        status, said = site.ask("POST", "/api/reports/r000/paragraphs/1", body)
        assert (status, said["code"]) == (422, "bad-request")
    assert site.ask("POST", "/api/reports/r000/paragraphs/99", {"base": "", "what": "note", "coding": {}})[0] == 404
    assert not site.library.out.joinpath("r000.txt").exists()


# --- who may speak


def test_only_the_token_buys_the_cookie_and_leaves_the_address(site):
    path = site.address.split(str(site.port))[1]
    status, headers, _ = site.raw("GET", path)
    assert (status, headers["location"]) == (303, "/")
    assert re.search(r"; Path=/; HttpOnly; SameSite=Strict$", headers["set-cookie"])
    assert site.site.secrets.token not in headers["set-cookie"]
    for wrong in ("/?token=x", f"{path}x", f"{path}&token=x", "/?token=", "/?token=%ff%00"):
        status, headers, _ = site.raw("GET", wrong)
        assert status == 403
        assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/start", "/api/reports", "/api/reports/r000", "/nowhere"])
def test_nothing_is_told_without_the_cookie(site, path):
    for cookie in ({}, {"Cookie": f"{site.site.secrets.cookie_name}=x"}, {"Cookie": "x=" + site.site.secrets.cookie}):
        status, _, body = site.raw("GET", path, headers=cookie)
        assert status == 403
        assert site.site.secrets.csrf.encode() not in body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil:{port}", "", "0.0.0.0:{port}"]
)
def test_another_host_name_is_refused_even_with_the_cookie(site, host):
    headers = {**site.headers, "Host": host.format(port=site.port)}
    assert site.raw("GET", "/api/reports", headers=headers)[0] in (400, 421)
    assert site.raw("GET", site.address.split(str(site.port))[1], headers={"Host": headers["Host"]})[0] in (400, 421)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"X-Lawgov-CSRF": None}, 403),
        ({"X-Lawgov-CSRF": "x"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Cookie": None}, 403),
    ],
)
def test_what_another_site_could_send_changes_nothing(site, gold, change, status):
    body = {"base": paragraph(site, "r000", 1)["version"], "what": "confirm", "coding": coded(gold, 1)}
    headers = {k: v for k, v in {**site.headers, **change}.items() if v is not None}
    assert site.raw("POST", "/api/reports/r000/paragraphs/1", json.dumps(body).encode(), headers)[0] == status
    assert not site.library.out.joinpath("r000.txt").exists()


def test_a_body_that_is_too_long_is_not_read(site):
    long = b'"' + b"x" * MOST_BYTES + b'"'
    assert site.raw("POST", "/api/reports/r000/undo", long, site.headers)[0] == 413
    chunk = b"%x\r\n%s\r\n" % (len(long), long)
    headers = {**site.headers, "Transfer-Encoding": "chunked"}
    assert site.raw("POST", "/api/reports/r000/undo", chunk + b"0\r\n\r\n", headers)[0] == 413
    assert site.raw("POST", "/api/reports/r000/undo", b"{" * 100_000, site.headers)[0] == 400
    assert site.ask("GET", "/api/start")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/%2e%2e/store.py", "/static//etc/passwd",
        "/api/reports/..%2f..%2f..%2fetc%2fpasswd", "/api/reports/%2fetc%2fpasswd", "/api/reports/r000%00", "/api/reports/..",
        "/api/reports/..%5c..%5csecret", "/reports/r000.txt", "/out/r000.txt",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(site, path):
    status, _, body = site.raw("GET", path, headers=site.headers)
    assert status == 404
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(site, method):
    assert site.raw(method, "/api/reports", headers=site.headers)[0] == 405


def test_every_answer_carries_the_policy(site):
    for path in ("/", "/static/app.js", "/static/page.css", "/api/start", "/static/nothing", "/?token=x"):
        _, headers, _ = site.raw("GET", path, headers=site.headers)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_listening_on_every_address_is_refused():
    for host in ("0.0.0.0", "::", ""):
        with pytest.raises(ReviewError, match="every address"):
            allowed_hosts(host, 80)
    assert allowed_hosts("127.0.0.1", 8765) == {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}
    assert allowed_hosts("192.168.1.5", 8765) == {"192.168.1.5:8765"}


# --- the command


def started(tmp_path: Path, base: Path, port: int, *more: str) -> tuple[subprocess.Popen, str]:
    command = [
        sys.executable, "-m", "lawgov_nlp.cli.main", "review", str(tmp_path / "reports"), "-o", str(tmp_path / "out"), "--model", str(base),
        "--no-browser", "--port", str(port), "--backend", "torch:float32", *more,
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://\S+", line):
            return process, found[0]
    raise AssertionError("no address was shown")


def test_the_command_listens_on_this_machine_alone_and_survives_kill_9(tmp_path, gold, base):
    import http.cookiejar
    import urllib.request

    write_reports(tmp_path / "reports", gold, 1)
    version = None
    for turn in range(2):
        process, address = started(tmp_path, base, 18765)
        try:
            listening = [c.laddr.ip for c in psutil.Process(process.pid).net_connections() if c.status == "LISTEN"]
            assert listening == ["127.0.0.1"]
            jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            browser = urllib.request.build_opener(jar)
            browser.open(address)
            origin = address.split("/?")[0]
            csrf = json.load(browser.open(f"{origin}/api/start"))["csrf"]
            for _ in range(600):
                rows = json.load(browser.open(f"{origin}/api/reports"))
                if rows["reports"]:
                    break
                time.sleep(0.1)
            report = json.load(browser.open(f"{origin}/api/reports/r000"))
            (line,) = (x for x in report["lines"] if x.get("at") == 1)
            if turn:
                assert line["version"] == version
                assert line["coding"] == coded(gold, 1)
                break
            body = {"base": line["version"], "what": "confirm", "coding": coded(gold, 1)}
            headers = {"X-Lawgov-CSRF": csrf, "Content-Type": "application/json"}
            request = urllib.request.Request(
                f"{origin}/api/reports/r000/paragraphs/1", json.dumps(body).encode(), headers
            )
            version = json.load(browser.open(request))["version"]
        finally:
            process.send_signal(signal.SIGKILL)  # in the same moment as it was told to be saved
            process.wait()


def test_what_the_command_refuses(tmp_path, gold, base):
    folder = write_reports(tmp_path / "reports", gold, 1)

    def said(*args: object) -> str:
        result = CliRunner().invoke(app, ["review", *map(str, args), "--model", str(base), "--no-browser"])
        assert result.exit_code == 2
        return result.output

    assert "where reports are" in said(folder, "-o", folder)
    assert "every address" in said(folder, "--host", "0.0.0.0")
    assert "can't be the name of a folder" in said(folder, "-o", tmp_path / "o", "--coder", "../x")
    assert "has corrected nothing yet" in said(folder, "-o", tmp_path / "o", "--settle", "甲", "--settle", "乙")
    assert "given twice" in said(folder, "-o", tmp_path / "o", "--settle", "甲")
    assert "doesn't exist" in said(tmp_path / "none")


# --- what is next, two coders, learning


def correct_all(library: Library, gold, names=None, change=lambda coding, at: coding) -> None:
    for name in names or library.entries:
        store = library.store(name)
        for at in range(len(store.codings)):
            store.save(at, change(from_gold(bodies(gold)[at], EMPTY), at), store.codings[at].version, "confirm")


def test_suggestions_leave_out_what_is_done_and_copies(site, gold):
    first = suggested(site.library, 50)
    texts = {re.sub(r"\d", "", s.text) for s in first}
    assert len(texts) == len(first) <= len(bodies(gold))  # the reports differ in a digit: copies are suggested once
    assert all(s.why for s in first)
    correct_all(site.library, gold, ["r000"])
    assert suggested(site.library, 50) == []
    status, answer = site.ask("GET", "/api/next")
    assert (status, answer["queue"]) == (200, [])
    assert answer["estimate"]["reviewed"] == len(bodies(gold))


def test_the_estimate_follows_what_was_found(site, gold):
    before = estimate(site.library)
    assert (before.reviewed, before.left) == (0, 3 * len(bodies(gold)))
    store = site.library.store("r000")
    for at, coding in enumerate(store.codings):  # all was right
        store.save(at, replace(coding, values=(), labels_coded=True, indicators_coded=True), coding.version, "confirm")
    kept = estimate(site.library)
    correct_all(site.library, gold, ["r001"])
    wrong = estimate(site.library)
    assert kept.low <= kept.wrong <= kept.high <= kept.next
    assert wrong.changed >= kept.changed
    assert kept.reviewed == len(store.codings)


def test_reports_of_a_session_keep_their_names_when_others_come(tmp_path, gold, base):
    folder = write_reports(tmp_path / "reports", gold, 1)
    (folder / "乡").mkdir()
    (folder / "乡" / "r000.txt").write_text(gold.text, encoding="utf-8")
    (folder / "bad.docx").write_bytes(b"no docx")
    with running([folder], tmp_path / "out", base) as site:
        assert [*site.library.entries] == ["r000", "r000-2"]
        assert "bad.docx" in site.ask("GET", "/api/reports")[1]["errors"][0]["message"]
        correct_all(site.library, gold, ["r000-2"])
    (folder / "a").mkdir()
    (folder / "a" / "r000.txt").write_text(gold.text.replace("青柳", "红柳"), encoding="utf-8")
    with running([folder], tmp_path / "out", base) as site:
        assert site.library.stores["r000-2"].source.file == "reports/乡/r000.txt"
        assert len(site.library.stores) == 3
        assert site.library.stores["r000-2"].done == len(bodies(gold))
        assert all(s.locked is None for s in site.library.stores.values())


def test_two_coders_do_not_see_each_other_and_are_settled(tmp_path, gold, base):
    folder = write_reports(tmp_path / "reports", gold, 2)

    def other(coding, at):
        return replace(coding, primary=None, secondary=()) if at == 1 else coding

    for coder, change in (("张三", lambda c, at: c), ("李四", other)):
        with running([folder], tmp_path / "out", base, coder=coder) as site:
            assert site.ask("GET", "/api/reports")[1]["reports"][0]["done"] == 0
            correct_all(site.library, gold, change=change)
            assert site.ask("GET", "/api/settle")[1]["code"] == "no-settling"
            assert site.ask("POST", "/api/learn", {})[1]["code"] == "no-learning"
    with running([folder], tmp_path / "out", base, settle=("张三", "李四")) as site:
        status, found = site.ask("GET", "/api/settle")
        assert status == 200
        assert (found["both"], len(found["pairs"])) == (2 * len(bodies(gold)), 2)
        assert found["figures"]["figures"]["primary_agreement"] == pytest.approx(12 / 14, abs=1e-3)
        assert found["figures"]["figures"]["value_span_f1"] == 1
        assert site.ask("POST", "/api/settle/agreed", {})[1] == {"settled": 12}
        pair = found["pairs"][0]
        body = {"base": pair["settled"]["version"], "what": "settle", "coding": pair["first"]["coding"]}
        assert site.ask("POST", f"/api/reports/{pair['report']}/paragraphs/{pair['at']}", body)[0] == 200
    settled = read_markup_folder(tmp_path / "out")
    assert [r.id for r in settled] == ["r000", "r001"]
    assert settled[0].units[3:5] == gold.units[3:5]
    assert settled[0].units == replace(gold, units=tuple(settled[0].units)).units
    assert sum(u.labels_coded and u.kind is LineKind.BODY for r in settled for u in r.units) == 13


def test_labels_of_ones_own_come_from_the_model(tmp_path, gold):
    folder = write_reports(tmp_path / "reports", gold, 1)
    with running([folder], tmp_path / "out", ROOT / "tests" / "fixtures" / "v0_1" / "model_own_labels") as site:
        labels = site.ask("GET", "/api/start")[1]["labels"]
        assert [row["name"] for row in labels] == [label.value for label in site.library.scheme]
        store = site.library.store("r000")
        label = site.library.scheme.labels[0]
        store.save(
            0,
            replace(store.codings[0], primary=label, secondary=(), labels_coded=True),
            store.codings[0].version,
            "labels",
        )
        assert markup.read_markup(tmp_path / "out" / "r000.txt", site.library.scheme).units[3].primary == label


LEARN = """
import json, sys, time
from pathlib import Path
from lawgov_nlp.annotation.corpus import load_splits
import lawgov_nlp.training.retrain as retrain
corpus = Path({corpus!r})
retrain.load_shipped_splits = lambda: load_splits(corpus)
import lawgov_nlp.cli.review_learn as learn
sys.exit(learn.main())
"""


@pytest.mark.slow
def test_learning_runs_beside_is_measured_and_used_only_when_chosen(tmp_path, gold, base, corpus):
    folder = write_reports(tmp_path / "reports", gold, 6)
    command = [sys.executable, "-c", LEARN.format(corpus=str(corpus))]
    os.environ["PYTHONPATH"] = str(ROOT)
    with running([folder], tmp_path / "out", base, command=command) as site:
        assert site.ask("POST", "/api/learn", {})[1]["code"] == "nothing-to-learn"
        correct_all(site.library, gold)
        assert site.ask("POST", "/api/learn", {"epochs": 50})[0] == 200
        assert site.ask("POST", "/api/learn", {})[1]["code"] == "learning"
        assert site.ask("GET", "/api/reports")[0] == 200  # the page goes on
        assert site.ask("POST", "/api/learn/cancel", {})[1] == {"cancelled": True}
        assert site.ask("GET", "/api/learn")[1]["state"] == "cancelled"
        assert site.ask("GET", "/api/learn")[1]["models"] == []
        name = site.ask("POST", "/api/learn", {"epochs": 2})[1]["name"]
        for _ in range(1200):
            status = site.ask("GET", "/api/learn")[1]
            if status["state"] != "running":
                break
            time.sleep(0.25)
        assert status["state"] == "done", status
        assert len(status["result"]["learned"]) == 5
        assert len(status["result"]["held_out"]) == 1
        assert {row["name"] for row in status["result"]["shipped"]["rows"]} >= {"primary_accuracy", "indicator_f1"}
        assert site.library.model == base  # not used unasked
        assert site.ask("POST", "/api/model", {"name": "../x"})[1]["code"] == "no-model"
        assert site.ask("POST", "/api/model", {"name": name})[0] == 200
        site.library.wait()
        assert site.library.model.name == name
        assert all(s.done == len(bodies(gold)) for s in site.library.stores.values())
    again = Library([folder], tmp_path / "out")
    assert again.model.name == name
