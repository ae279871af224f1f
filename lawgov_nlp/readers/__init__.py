"""Files to plain text, one paragraph a line. What a file holds decides how it is read; its suffix is only a hint."""

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
from lawgov_nlp.report import OcrLine

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
    ".jpg": "picture",
    ".jpeg": "picture",
    ".png": "picture",
    ".tif": "picture",
    ".tiff": "picture",
}
SUFFIXES: tuple[str, ...] = tuple(_READERS)
"""The suffixes that `read_file` takes."""
PICTURE_SUFFIXES: tuple[str, ...] = tuple(suffix for suffix, kind in _READERS.items() if kind == "picture")

_HTML = re.compile(rb"(?i)<(!doctype\s+html|html|head|body|meta|title|script|style|div|table|p|span|br)\b")
# A web archive: the header of a mail; Chrome's begins with From: <Saved by Blink>.
_ARCHIVE = re.compile(rb"(?i)(?=(?:[\w-]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){0,20}?MIME-Version:)(?:[\w-]+:)")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*")  # jpeg, png, tiff in two byte orders
# All that str.splitlines() breaks at: whoever splits the text that way must get the same lines as with "\n".
LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
HALF_PAIRS = "half surrogate pairs were replaced by U+FFFD"
"""What a user is told of them."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class ExtractedText:
    """What a reader got from a file.

    Attributes:
        text: The text, a paragraph or heading a line; `text.encode("utf-8")` always works.
        warnings: What was left out or is doubtful, for the user to read.
        headings: Lines that the file sets as headings (Word's styles, Markdown), with their level from 1 on.
        ocr: The printed lines that were read by OCR, in order, with their offsets in `text`.
    """

    text: str
    warnings: tuple[str, ...] = ()
    headings: Mapping[str, int] = field(default_factory=dict)
    ocr: tuple[OcrLine, ...] = ()


def read_file(path: Path) -> ExtractedText:
    """Read a report from a txt, docx, pdf, html, doc, wps, rtf, odt, jpg, png or tiff file.

    Raises:
        ReadError: No such file, no report in it, or damaged, encrypted, too large; the message says what to do.
    """
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
    """Refuse what is no single report; readers call it as early as they know the (least) number of characters.

    Raises:
        ReadError: More than `MAX_CHARS` characters.
    """
    if chars > MAX_CHARS:
        raise ReadError(
            f"{path}: over {MAX_CHARS:,} characters of text; a report has some thousand. Split it into single reports"
        )


def irregular(path: Path) -> ReadError | None:
    """Why there is no regular file at a path; None where there is one, readable or not.

    Only such a file may be opened: a pipe waits for its writer, a device may never end.
    """
    try:
        status = path.stat()
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
        if suffix in (".mht", ".mhtml"):
            raise _archive(path)
        if suffix not in _READERS:
            name = suffix or "a name without suffix"
            raise ReadError(f"{path}: can't read {name}; expected one of {' '.join(SUFFIXES)}")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ReadError(f"{path}: {size / 1e6:.0f} MB; a report has at most {MAX_BYTES / 1e6:.0f} MB")
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: can't be opened ({error.strerror}); check the path and the permissions") from error
    if not data:
        raise ReadError(f"{path}: the file is empty; download or save it again")
    return data


def _archive(path: Path) -> ReadError:
    return ReadError(
        f"{path}: a web archive (mht, mhtml); "
        "open it in a browser or Word and save it as .html (the page alone) or .docx"
    )


def _is_odt(data: bytes) -> bool:
    """Whether a zip is an OpenDocument text; its mimetype should stand first but needn't."""
    if b"mimetypeapplication/vnd.oasis.opendocument.text" in data[:200]:
        return True
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo("mimetype")
            if info.file_size > 200:
                return False
            return archive.read(info).strip().startswith(b"application/vnd.oasis.opendocument.text")
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False  # damaged, or no such entry: the reader of docx says what is wrong


def _kind(data: bytes, suffix: str, path: Path) -> str:
    """The module for the content: many a .doc on government sites is html, rtf or docx."""
    head = data[:4096]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(_PICTURES):
        return "picture"
    if head.startswith(b"PK\x03\x04"):
        return "office" if _is_odt(data) else "docx"
    if head.startswith((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf")) or b"<?mso-application" in head:
        return "office"
    if _ARCHIVE.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
        raise _archive(path)
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")  # UTF-16 tags are ASCII between NULs
    if plain.startswith(b"<") and _HTML.search(plain):
        return "html"
    if suffix in (".html", ".htm"):
        return "html"
    if suffix in (".txt", ".doc", ".wps"):  # a plain text renamed .doc; txt refuses what is no text
        return "txt"
    raise ReadError(f"{path}: the content is no {suffix[1:]}; open it in the program that made it and save it again")
