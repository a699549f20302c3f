"""The code that README.md shows is the code of the examples, word for word."""

import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# <!-- file: PATH --> and the block after it.
SHOWN = re.compile(r"<!-- file: (?P<path>\S+) -->\n```\w*\n(?P<text>.*?)```\n", re.DOTALL)


def main():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        shown = list(SHOWN.finditer(file.read()))
    faults = [] if len(shown) >= 4 else [f"README.md shows {len(shown)} files; expected 4 or more"]
    for match in shown:
        with open(os.path.join(ROOT, match["path"]), encoding="utf-8") as file:
            if file.read() != match["text"]:
                faults.append(f"README.md shows {match['path']}, but not as it is")
    print("\n".join(faults) or f"README.md: {len(shown)} files are shown as they are")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
