"""Checks that no source file of either half is too long to have one idea."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

MOST_LINES = 400
FOLDERS = ("examples", "include", "scripts", "src", "tests")
SUFFIXES = {".cpp", ".cu", ".cuh", ".h", ".py", ".sh"}
# These files are longer, and may not grow: each has at most so many lines.
ALLOWED = {
    "src/ops/cuda_attention.cu": 521,
    "tests/cli/test_ablate.py": 551,
    "tests/data/corpus_test.cpp": 436,
    "tests/ops/entropy_attention_test.cpp": 442,
    "tests/pipeline/four_steps_test.cpp": 443,
}


def find_faults(root: Path, allowed: dict[str, int]) -> list[str]:
    lengths = {
        file.relative_to(root).as_posix(): len(file.read_bytes().splitlines())
        for folder in FOLDERS
        for file in (root / folder).rglob("*")
        if file.suffix in SUFFIXES and file.is_file()
    }
    faults = [
        f"{name}: {lines} lines, more than {allowed.get(name, MOST_LINES)}"
        for name, lines in sorted(lengths.items())
        if lines > allowed.get(name, MOST_LINES)
    ]
    faults += [
        f"{name}: need not be allowed to be long"
        for name in sorted(allowed)
        if lengths.get(name, 0) <= MOST_LINES
    ]
    return faults if lengths else [f"{root}: no source files"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="the folder of the checkout")
    faults = find_faults(parser.parse_args().root, ALLOWED)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
