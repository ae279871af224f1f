"""Tag a folder of invented reports, some of them broken in many ways, kill the run several times, and check the result.

    python benchmarks/hostile.py --files 10000 --share 0.05 --kills 5

It prints the files and paragraphs per second, and the peak memory of the main process and of all processes together
(one file uses memory until its worker is stopped). It also tells whether each good file was tagged once and each broken
one was listed with its reason. Most of the time passes in waiting for files that hang. It needs a POSIX system because
it creates pipes and links.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import hostile  # noqa: E402 - the path must be set first


def main() -> None:
    """Run the benchmark with the options of the command line. Exit with code 1 if a file has the wrong result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--share", type=float, default=0.05, help="the share of broken files")
    parser.add_argument("--kills", type=int, default=3, help="how often to kill -9 the run, each time after --after")
    parser.add_argument("--after", type=float, default=20.0, help="the least seconds of a run before it is killed")
    parser.add_argument("--model", type=Path, help="the folder of a model instead of the shipped one")
    parser.add_argument("--format", default="jsonl", help="jsonl, csv or parquet")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--part-size", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lawgov-hostile-") as name:
        place = Path(name)
        wrong = hostile.hostile_folder(place / "in", given.files, given.share)
        print(f"{given.files:,} files, {len(wrong):,} of them broken")
        environment = dict(os.environ)
        path = [hostile.misbehaving(place / "python"), ROOT, *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
        command = [sys.executable, "-m", "lawgov_nlp.cli.main", "tag", place / "in", "-o", place / "out", "--parts"]
        command += ["--format", given.format, "--workers", given.workers, "--timeout", given.timeout]
        command += ["--part-size", given.part_size, *(["--model", given.model] if given.model else [])]
        rng, started = random.Random(0), time.monotonic()
        for turn in range(given.kills + 1):
            last = turn == given.kills
            kill_after = None if last else given.after * rng.uniform(1, 2)
            code, *peaks = _run(list(map(str, command)), environment, kill_after)
            done = len(_entries(place / "out"))
            own, all_of_them = (f"{peak / 2**20:,.0f} MiB" for peak in peaks)
            print(f"run {turn + 1}: exit code {code}, at most {own}, with workers {all_of_them}, {done:,} files done")
            if code >= 0:  # The run finished or failed by itself.
                break
        seconds = time.monotonic() - started
        problems = _problems(place, given.files, wrong)
        paragraphs = sum(entry["paragraphs"] or 0 for entry in _entries(place / "out"))
        print(f"{seconds:.0f} s, {given.files / seconds:.1f} files/s, {paragraphs / seconds:.1f} paragraphs/s")
        print("\n".join(problems[:20]) or "each good file tagged once, each broken one listed with its reason")
    sys.exit(bool(problems))


def _run(command: list[str], environment: dict[str, str], kill_after: float | None) -> tuple[int, int, int]:
    """Run a command and kill it after some seconds. Return its exit code and peak bytes without and with children."""
    started, own, peak = time.monotonic(), 0, 0
    process = subprocess.Popen(command, env=environment, stderr=None if kill_after is None else subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        held = _resident(watched)
        own, peak = max(own, held), max(peak, held + sum(map(_resident, _children(watched))))
        if kill_after is not None and time.monotonic() - started > kill_after:
            process.kill()
        time.sleep(0.1)
    return process.returncode, own, peak


def _resident(process: psutil.Process) -> int:
    """Return the resident memory of a process in bytes, including shared memory; 0 if the process has ended."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _entries(out: Path) -> list[dict]:
    """Return the entry of each file. A last line that a kill cut off is left out."""
    path = out / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    found = (json.loads(line) for line in lines if line.endswith(b"\n"))
    return [entry for entry in found if "path" in entry]


def _problems(place: Path, files: int, wrong: dict[Path, str]) -> list[str]:
    """Return a message for every file with a wrong result."""
    entries = _entries(place / "out")
    problems = [] if len(entries) == files else [f"{len(entries)} files in the manifest instead of {files}"]
    for entry in entries:
        reason = wrong.get(place / "in" / entry["path"])
        if reason is None and entry["status"] != "tagged":
            problems.append(f"{entry['path']} should be tagged: {entry['error']}")
        elif reason is not None and reason not in (entry["error"] or ""):
            problems.append(f"{entry['path']} should be refused ({reason}): {entry['error']}")
    return problems


if __name__ == "__main__":
    main()
