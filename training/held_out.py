"""Fingerprints of reports that are held out for scoring, so that a test can tell whether `data/` copies from them.

    python training/held_out.py FOLDER     # fingerprints of FOLDER/*.txt into data/held_out.bin

The reports themselves aren't in this repository. For each run of 25 characters, white space aside, the file holds eight
bytes of its BLAKE2b hash: enough to find a copied run, not to read one.
"""

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FINGERPRINTS = ROOT / "data" / "held_out.bin"
RUN = 25
BYTES = 8


def fingerprint(run: str) -> bytes:
    """Eight bytes of a run's hash."""
    return hashlib.blake2b(run.encode(), digest_size=BYTES).digest()


def runs(text: str) -> list[str]:
    """All runs of 25 characters, white space aside."""
    text = "".join(text.split())
    return [text[at : at + RUN] for at in range(len(text) - RUN + 1)]


def read_fingerprints() -> set[bytes]:
    """The fingerprints in `data/held_out.bin`."""
    packed = FINGERPRINTS.read_bytes()
    return {packed[at : at + BYTES] for at in range(0, len(packed), BYTES)}


def main() -> None:
    """Write the fingerprints of a folder's reports."""
    found = {fingerprint(run) for path in Path(sys.argv[1]).glob("*.txt") for run in runs(path.read_text("utf-8"))}
    FINGERPRINTS.write_bytes(b"".join(sorted(found)))
    print(f"{len(found)} fingerprints in {FINGERPRINTS}")


if __name__ == "__main__":
    main()
