"""Folders with whatever can be wrong with files, and readers that hang, crash and eat memory: for tests and benchmarks.

All good files are short invented reports. What a file should come to is in its name: `good` is tagged, all else is
listed with a reason.
"""

from __future__ import annotations

import os
import random
import socket
import tempfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import lawgov_nlp
from tests.files import write_docx, write_html, write_pdf, write_txt

MISBEHAVIOUR = '''
"""Put on PYTHONPATH, this makes readers misbehave on files that are called so, in every process that starts."""
import sys

sys.path.insert(1, "PACKAGE")  # the copy that is tested, if another one is installed
import lawgov_nlp.readers
import lawgov_nlp.readers.load

_read_file = lawgov_nlp.readers.read_file


def read_file(path):
    import ctypes, os, signal, time
    if "hangs-asleep" in path.name:
        time.sleep(100_000)
    if "hangs-busy" in path.name:
        while True:
            pass
    if "hangs-in-c" in path.name:  # without end, with the interpreter's lock held: no handler and no thread runs
        import collections, itertools
        collections.deque(itertools.repeat(0), maxlen=0)
    if "crashes" in path.name:
        ctypes.string_at(0)
    if "is-killed" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "eats-memory" in path.name:
        held = []
        while True:
            held.append(bytearray(50_000_000))
    if "has-a-bug" in path.name:
        {}["key"]
    if "prints" in path.name:
        os.write(1, b"what a library has to say")
    if "is-a-scan-that-hangs" in path.name:
        from lawgov_nlp.readers.ocr import begin_page
        begin_page(path, 1, 3)
        begin_page(path, 2, 3)
        time.sleep(100_000)
    if "is-slow" in path.name:
        time.sleep(0.5)
    return _read_file(path)


lawgov_nlp.readers.load.read_file = read_file
'''


_PACKAGE = Path(lawgov_nlp.__file__).parents[1].as_posix()


def misbehaving(folder: Path) -> Path:
    """A folder that, put first on PYTHONPATH, makes readers misbehave on files that are called so."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(MISBEHAVIOUR.replace("PACKAGE", _PACKAGE), encoding="utf-8")
    return folder


def lines(number: int) -> list[str]:
    """A short report, unlike every other one."""
    rng = random.Random(number)
    return [
        f"云岭县第{number}镇2023年法治政府建设报告",
        "一、普法宣传",
        f"全年开展法治讲座{rng.randint(2, 90)}场，发放资料{rng.randint(100, 9000)}余份，受众{rng.randint(300, 5000)}人次。",
        "二、化解矛盾",
        f"调解纠纷{rng.randint(5, 200)}件，接受法律咨询{rng.randint(5, 700)}人次。",
        "三、存在不足",
        "一是执法力量薄弱。",
    ]


def good(folder: Path, number: int, suffix: str = "txt") -> Path:
    """A report that can be read."""
    path = folder / f"good-{number:05}.{suffix}"
    {"txt": write_txt, "docx": write_docx, "html": write_html, "pdf": write_pdf}[suffix](path, lines(number))
    return path


def _truncated(folder: Path, number: int, suffix: str) -> Path:
    whole = good(folder, number, suffix)
    path = folder / f"truncated-{number:05}.{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    whole.unlink()
    return path


def _encrypted_pdf(folder: Path, number: int) -> Path:
    from reportlab.pdfgen.canvas import Canvas

    path = folder / f"encrypted-{number:05}.pdf"
    canvas = Canvas(str(path), encrypt="geheim")
    canvas.drawString(100, 700, "secret")
    canvas.save()
    return path


def _zip_bomb(folder: Path, number: int) -> Path:
    path = folder / f"bomb-{number:05}.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", RELS)
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(100):
                part.write(bytes(1_000_000))
    return path


def _lying_bomb(folder: Path, number: int) -> Path:
    """A zip bomb whose directory says that it is small."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", RELS)
        archive.writestr("word/document.xml", bytes(50_000_000))
    data = held.getvalue().replace((50_000_000).to_bytes(4, "little"), (5_000).to_bytes(4, "little"))
    path = folder / f"lying-bomb-{number:05}.docx"
    path.write_bytes(data)
    return path


def _huge(folder: Path, number: int) -> Path:
    path = folder / f"huge-{number:05}.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(200_000_000)  # takes no room on the disk
    return path


def _written(name: str, content: bytes) -> Callable[[Path, int], Path]:
    def write(folder: Path, number: int) -> Path:
        stem, suffix = name.split(".")
        path = folder / f"{stem}-{number:05}.{suffix}"
        path.write_bytes(content)
        return path

    return write


def _loop(folder: Path, number: int) -> Path:
    path = folder / f"loop-{number:05}.txt"
    path.symlink_to(path.name)
    return path


def _dangling(folder: Path, number: int) -> Path:
    path = folder / f"dangling-{number:05}.docx"
    path.symlink_to("nowhere.docx")
    return path


def _pipe(folder: Path, number: int) -> Path:
    path = folder / f"pipe-{number:05}.txt"
    os.mkfifo(path)
    return path


def _device(folder: Path, number: int) -> Path:
    path = folder / f"device-{number:05}.txt"
    path.symlink_to("/dev/zero")
    return path


def _socket(folder: Path, number: int) -> Path:
    path = folder / f"socket-{number:05}.txt"
    at = os.getcwd()
    os.chdir(folder)  # a socket's path has at most 108 bytes
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(at)
    return path


def _unreadable(folder: Path, number: int) -> Path:
    path = good(folder, number).rename(folder / f"unreadable-{number:05}.txt")
    path.chmod(0)
    return path


RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)

BROKEN: dict[str, tuple[Callable[[Path, int], Path], str]] = {
    "truncated docx": (lambda folder, number: _truncated(folder, number, "docx"), "damaged"),
    "truncated pdf": (lambda folder, number: _truncated(folder, number, "pdf"), "pdf"),
    "encrypted pdf": (_encrypted_pdf, "encrypted"),
    "zip bomb": (_zip_bomb, "zip bomb"),
    "zip bomb that lies": (_lying_bomb, "damaged"),
    "huge": (_huge, "200 MB"),
    "picture": (_written("picture.pdf", b"\x89PNG\r\n\x1a\n" + bytes(2000)), "picture"),
    "rubbish": (_written("rubbish.txt", random.Random(1).randbytes(5000)), "no Chinese text"),
    "empty": (_written("empty.docx", b""), "empty"),
    "NULs": (_written("nuls.txt", bytes(5000)), "no"),
    "link to itself": (_loop, "can't be followed"),
    "link to nothing": (_dangling, "can't be followed"),
    "pipe": (_pipe, "no regular file"),
    "device": (_device, "no regular file"),
    "socket": (_socket, "no regular file"),
    "hangs asleep": (_written("hangs-asleep.txt", b"x"), "took more than"),
    "hangs busy": (_written("hangs-busy.txt", b"x"), "took more than"),
    "hangs in C": (_written("hangs-in-c.txt", b"x"), "took more than"),
    "crashes": (_written("crashes.txt", b"x"), "SIGSEGV"),
    "is killed": (_written("is-killed.txt", b"x"), "memory"),
    "eats memory": (_written("eats-memory.txt", b"x"), "memory"),
    "has a bug": (_written("has-a-bug.txt", b"x"), "KeyError"),
}
"""What can be wrong -> who writes such a file, and a word of the reason that should be given."""


def reads_everything() -> bool:
    """Whether permissions mean nothing to this process, as for root."""
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0)
        return os.access(file.name, os.R_OK)


if not reads_everything():
    BROKEN["unreadable"] = (_unreadable, "ermission")

SLOW = ("hangs asleep", "hangs busy", "hangs in C")
"""What costs a worker its whole time limit."""


def hostile_folder(
    folder: Path, files: int, share: float, *, seed: int = 0, kinds: tuple[str, ...] = tuple(BROKEN)
) -> dict[Path, str]:
    """Fill a folder with subfolders of reports, a share of them broken.

    Args:
        folder: Where; must not exist.
        files: How many.
        share: Of the broken ones, all kinds in turn.
        seed: Of which places they take.
        kinds: What may be wrong.

    Returns:
        The broken files, each with a word of the reason that should be given.
    """
    rng = random.Random(seed)
    folder.mkdir()
    bad = set(rng.sample(range(files), round(files * share)))
    wrong: dict[Path, str] = {}
    turn = 0
    for number in range(files):
        inside = folder / f"county-{number // 100:03}"
        inside.mkdir(exist_ok=True)
        if number in bad:
            write, reason = BROKEN[kinds[turn % len(kinds)]]
            wrong[write(inside, number)] = reason
            turn += 1
        else:
            good(inside, number, rng.choices(("txt", "html", "docx"), (8, 3, 1))[0])
    (folder / "folder.txt").mkdir()
    (folder / "up").symlink_to(folder, target_is_directory=True)
    return wrong
