"""Read old Word, WPS, RTF and ODT files: LibreOffice converts them to docx, which is then read."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import ExtractedText, docx

TIMEOUT = 120
"""The time limit in seconds. A report takes about 3 seconds, and the first start about 6."""

_OLE = b"\xd0\xcf\x11\xe0"
# A new profile asks about links and loads remote pictures, but a report must not cause network connections.
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="BlockUntrustedRefererLinks"><value>true</value></prop>
<prop oor:name="DisableMacrosExecution"><value>true</value></prop></item>
</oor:items>
"""


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a file that LibreOffice can convert to docx.

    Raises:
        ReadError: LibreOffice is missing, takes too long or can't open the file, or the file is encrypted or no text
            document.
    """
    if data.startswith(_OLE):
        _check_ole(data, path)
    soffice = shutil.which("soffice") or shutil.which("libreoffice")
    if soffice is None:
        raise ReadError(
            f"{path}: reading {path.suffix} needs LibreOffice, and there is no soffice on the PATH; "
            "install it (apt install libreoffice-writer-nogui) or save the file as .docx"
        )
    with tempfile.TemporaryDirectory(prefix="lawgov-") as name:
        folder = Path(name)
        profile = folder / "profile"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(_SETTINGS, encoding="utf-8")
        # The name is plain, because LibreOffice splits `a,b;c.doc`. It looks at the content, not at the suffix.
        source = folder / "report.doc"
        source.write_bytes(data)
        said = _convert([soffice, f"-env:UserInstallation={profile.as_uri()}"], source, path)
        result = folder / "out" / "report.docx"
        if not result.is_file():
            raise ReadError(
                f"{path}: LibreOffice can't open it ({said or 'no reason given'}); "
                "it is damaged or has a password. Save it as .docx"
            )
        return docx.read(result.read_bytes(), path)


def _check_ole(data: bytes, path: Path) -> None:
    """Refuse an OLE file that is no Word document. The names of its streams are in the file as UTF-16."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise ReadError(f"{path}: encrypted with a password; open it, remove the password and save it again")
    if "WordDocument".encode("utf-16-le") not in data:
        raise ReadError(f"{path}: no Word document (a workbook, slides?), or cut off; expected a .doc or .wps text")


def _convert(command: list[str], source: Path, path: Path) -> str:
    command += ["--headless", "--norestore", "--convert-to", "docx:MS Word 2007 XML"]
    command += ["--outdir", str(source.parent / "out"), str(source)]
    with _own_memory():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # soffice is a script. If only it is killed, soffice.bin keeps running.
        )
    try:
        output, _ = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise ReadError(f"{path}: LibreOffice took over {TIMEOUT} s; open the file and save it as .docx") from error
    except BaseException:  # This process is being ended.
        _end(process)
        raise
    said = (line for line in output.decode("utf-8", "replace").splitlines() if not line.startswith("Warning"))
    return " ".join(said)[-200:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill LibreOffice and its children."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


@contextlib.contextmanager
def _own_memory() -> Iterator[None]:
    """Remove this process's limit of address space for a child, because LibreOffice maps gigabytes."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft in (hard, resource.RLIM_INFINITY):
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
