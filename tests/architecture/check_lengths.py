"""Checks that no source file of either half is too long to have one idea."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

MOST_LINES = 400
FOLDERS = ("examples", "include", "scripts", "src", "tests")
SUFFIXES = {".cpp", ".cu", ".cuh", ".h", ".py", ".sh"}


def find_faults(root: Path) -> list[str]:
    lengths = {
        file.relative_to(root).as_posix(): len(file.read_bytes().splitlines())
        for folder in FOLDERS
        for file in (root / folder).rglob("*")
        if file.suffix in SUFFIXES and file.is_file()
    }
    faults = [
        f"{name}: {lines} lines, more than {MOST_LINES}"
        for name, lines in sorted(lengths.items())
        if lines > MOST_LINES
    ]
    return faults if lengths else [f"{root}: no source files"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="the folder of the checkout")
    faults = find_faults(parser.parse_args().root)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
