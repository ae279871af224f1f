"""Make fingerprints of reports that are held out for scoring, so that a test can tell whether `data/` copies from them.

    python training/held_out.py FOLDER     # fingerprints of FOLDER/*.txt into data/held_out.bin

The reports themselves aren't in this repository. The file holds hashes of their runs of 25 characters, without white
space: eight bytes of the BLAKE2b hash of one in eight runs, selected by the hash. If all runs were kept, the text
could be reconstructed from them one character after the other. A copied passage of 60 characters is still found
99 times in 100.
"""

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FINGERPRINTS = ROOT / "data" / "held_out.bin"
RUN = 25
BYTES = 8
EVERY = 8


def fingerprint(run: str) -> bytes | None:
    """Return eight bytes of a run's hash; None for the seven in eight runs that aren't kept."""
    digest = hashlib.blake2b(run.encode(), digest_size=BYTES).digest()
    return digest if digest[-1] % EVERY == 0 else None


def runs(text: str) -> list[str]:
    """Return all runs of 25 characters, without white space."""
    text = "".join(text.split())
    return [text[at : at + RUN] for at in range(len(text) - RUN + 1)]


def read_fingerprints() -> set[bytes]:
    """Read the fingerprints in `data/held_out.bin`."""
    packed = FINGERPRINTS.read_bytes()
    return {packed[at : at + BYTES] for at in range(0, len(packed), BYTES)}


def main() -> None:
    """Write the fingerprints of a folder's reports."""
    texts = [path.read_text("utf-8") for path in Path(sys.argv[1]).glob("*.txt")]
    found = {kept for text in texts for run in runs(text) if (kept := fingerprint(run))}
    if not found:
        sys.exit(f"{sys.argv[1]}: no reports (*.txt) there; {FINGERPRINTS.name} is left as it was")
    FINGERPRINTS.write_bytes(b"".join(sorted(found)))
    print(f"{len(found)} fingerprints of {len(texts)} reports in {FINGERPRINTS.name}")


if __name__ == "__main__":
    main()
