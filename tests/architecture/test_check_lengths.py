"""Tests that the checker finds files that are too long."""

from __future__ import annotations

from pathlib import Path

from check_lengths import find_faults


def tree(root: Path, lengths: dict[str, int]) -> Path:
    for name, lines in lengths.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n" * lines)
    return root


def test_files_of_both_halves_are_measured(tmp_path: Path) -> None:
    lengths = {"src/a/x.cpp": 401, "include/x.h": 400, "scripts/aero/x.py": 402, "docs/x.md": 900}
    assert find_faults(tree(tmp_path, lengths)) == [
        "scripts/aero/x.py: 402 lines, more than 400",
        "src/a/x.cpp: 401 lines, more than 400",
    ]


def test_no_files_are_a_fault(tmp_path: Path) -> None:
    assert find_faults(tmp_path) == [f"{tmp_path}: no source files"]
