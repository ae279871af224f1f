"""Turn files into plain text with one paragraph per line. The content decides how a file is read, not its suffix."""

from __future__ import annotations

import importlib
import io
import logging
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lawgov_nlp.errors import ReadError
from lawgov_nlp.paths import check_path
from lawgov_nlp.readers.archive import file_status, load_member, member_of
from lawgov_nlp.report import Table

logger = logging.getLogger(__name__)

MAX_BYTES = 100_000_000
MAX_CHARS = 2_000_000

_READERS = {
    ".txt": "txt",
    ".docx": "docx",
    ".pdf": "pdf",
    ".html": "html",
    ".htm": "html",
    ".doc": "office",
    ".wps": "office",
    ".rtf": "office",
    ".odt": "office",
    ".xlsx": "xlsx",
    ".csv": "csv",
}
SUFFIXES: tuple[str, ...] = tuple(_READERS)
"""The suffixes that `read_file` takes."""

FOLDER_SUFFIXES: tuple[str, ...] = tuple(suffix for suffix in SUFFIXES if suffix not in (".xlsx", ".csv"))
"""The suffixes that are looked for in folders. Tables there are mostly data, results or labels: name those to read."""

_HTML = re.compile(rb"(?i)<(!doctype\s+html|html|head|body|meta|title|script|style|div|table|p|span|br)\b")
# A web archive begins like a mail; that of Chrome begins with From: <Saved by Blink>.
_ARCHIVE = re.compile(rb"(?i)(?=(?:[\w-]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){0,20}?MIME-Version:)(?:[\w-]+:)")
# All characters at which str.splitlines() splits. Splitting at "\n" must give the same lines.
LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
HALF_PAIRS = "half surrogate pairs were replaced by U+FFFD"
"""The warning about these characters."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class ExtractedText:
    """The text that a reader extracted from a file.

    Attributes:
        text: The text, with one paragraph or heading per line. `text.encode("utf-8")` always works.
        warnings: Notes for the user on what was left out or is doubtful.
        headings: The lines that the file marks as headings (Word styles, Markdown), with their level, from 1.
        tables: The tables whose rows are lines of the text; captions and headings are found afterwards.
    """

    text: str
    warnings: tuple[str, ...] = ()
    headings: Mapping[str, int] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()


def read_file(path: Path) -> ExtractedText:
    """Read a report from a txt, docx, pdf, html, doc, wps, rtf, odt, xlsx or csv file.

    Raises:
        ReadError: The file doesn't exist, holds no report, or is damaged, encrypted or too large. The message says what
            to do.
    """
    check_path(path, "the file")
    suffix = path.suffix.lower()
    data = _load(path, suffix)
    kind = _kind(data, suffix, path)
    source = importlib.import_module(f"lawgov_nlp.readers.{kind}").read(data, path)
    text = LINE_ENDS.sub("\n", source.text)
    warnings = list(source.warnings)
    if kind != _READERS[suffix]:
        warnings.insert(0, f"named {suffix}, but the content is {kind}; read as {kind}")
    if _SURROGATES.search(text):
        text = _SURROGATES.sub("\ufffd", text)
        warnings.append(HALF_PAIRS)
    if not text.strip():
        raise ReadError(f"{path}: holds no text; expected a report")
    check_length(len(text), path)
    logger.debug("%s: read as %s, %d characters", path, kind, len(text))
    return replace(source, text=text, warnings=tuple(warnings))


def check_length(chars: int, path: Path) -> None:
    """Refuse a text that is too long for a single report. Readers call this as soon as they know a lower bound.

    Raises:
        ReadError: The text has more than `MAX_CHARS` characters.
    """
    if chars > MAX_CHARS:
        raise ReadError(
            f"{path}: over {MAX_CHARS:,} characters of text; a report has some thousand. Split it into single reports"
        )


def irregular(path: Path) -> ReadError | None:
    """Return the reason why a path isn't a regular file; None if it is one, readable or not.

    Only regular files may be opened, because a pipe waits for its writer and a device may never end.
    """
    try:
        status = file_status(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if path.is_symlink():
            return ReadError(f"{path}: a link to {os.readlink(path)}, which can't be followed ({reason})")
        if isinstance(error, FileNotFoundError):
            return ReadError(f"{path}: no such file")
        return ReadError(f"{path}: can't be opened ({reason}); check the path and the permissions")
    if stat.S_ISREG(status.st_mode):
        return None
    if stat.S_ISDIR(status.st_mode):
        return ReadError(f"{path}: is a folder; give one file")
    return ReadError(f"{path}: is no regular file but a pipe, socket or device; save the report as a file first")


def _load(path: Path, suffix: str) -> bytes:
    try:
        reason = irregular(path)
        if reason is not None:
            raise reason
        if suffix == ".zip":
            raise ReadError(f"{path}: a zip; find_reports and `lawgov tag` take the reports in it one by one")
        if suffix in (".mht", ".mhtml"):
            raise _archive(path)
        if suffix not in _READERS:
            name = suffix or "a name without suffix"
            raise ReadError(f"{path}: can't read {name}; expected one of {' '.join(SUFFIXES)}")
        inside = member_of(path)
        if inside is not None:
            return _filled(load_member(*inside), path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ReadError(f"{path}: {size / 1e6:.0f} MB; a report has at most {MAX_BYTES / 1e6:.0f} MB")
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: can't be opened ({error.strerror}); check the path and the permissions") from error
    return _filled(data, path)


def _filled(data: bytes, path: Path) -> bytes:
    if not data:
        raise ReadError(f"{path}: the file is empty; download or save it again")
    return data


def _archive(path: Path) -> ReadError:
    return ReadError(
        f"{path}: a web archive (mht, mhtml); "
        "open it in a browser or Word and save it as .html (the page alone) or .docx"
    )


def _is_odt(data: bytes) -> bool:
    """Whether a zip file is an OpenDocument text. Its entry `mimetype` should come first but needn't."""
    if b"mimetypeapplication/vnd.oasis.opendocument.text" in data[:200]:
        return True
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo("mimetype")
            if info.file_size > 200:
                return False
            return archive.read(info).strip().startswith(b"application/vnd.oasis.opendocument.text")
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False  # The file is damaged or has no such entry. The reader of docx says what is wrong.


def _is_workbook(data: bytes) -> bool:
    """Whether a zip holds an Excel workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False  # damaged: the reader of docx says what is wrong
    return any(name.startswith("xl/") for name in names) and not any(name.startswith("word/") for name in names)


def _kind(data: bytes, suffix: str, path: Path) -> str:
    """Return the module that reads the content. Many .doc files on government sites are html, rtf or docx."""
    head = data[:4096]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        if _is_odt(data):
            return "office"
        return "xlsx" if _is_workbook(data) else "docx"
    if head.startswith((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf")) or b"<?mso-application" in head:
        return "office"
    if _ARCHIVE.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
        raise _archive(path)
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")  # In UTF-16, tags are ASCII between NULs.
    if plain.startswith(b"<") and _HTML.search(plain):
        return "html"
    if suffix in (".html", ".htm"):
        return "html"
    if suffix == ".csv":
        return "csv"
    if suffix in (".txt", ".doc", ".wps"):  # A plain text may be renamed to .doc. The reader of txt refuses others.
        return "txt"
    raise ReadError(f"{path}: the content is no {suffix[1:]}; open it in the program that made it and save it again")
