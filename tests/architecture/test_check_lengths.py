"""Tests that the checker finds files that are too long, and exceptions that are not needed."""

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
    assert find_faults(tree(tmp_path, lengths), {}) == [
        "scripts/aero/x.py: 402 lines, more than 400",
        "src/a/x.cpp: 401 lines, more than 400",
    ]


def test_a_file_that_is_allowed_to_be_long_may_not_grow(tmp_path: Path) -> None:
    tree(tmp_path, {"src/x.cpp": 410})
    assert find_faults(tmp_path, {"src/x.cpp": 410}) == []
    assert find_faults(tmp_path, {"src/x.cpp": 409}) == ["src/x.cpp: 410 lines, more than 409"]


def test_a_short_file_needs_no_exception(tmp_path: Path) -> None:
    tree(tmp_path, {"src/x.cpp": 400})
    fault = "need not be allowed to be long"
    assert find_faults(tmp_path, {"src/x.cpp": 500, "src/gone.cpp": 500}) == [
        f"src/gone.cpp: {fault}",
        f"src/x.cpp: {fault}",
    ]


def test_no_files_are_a_fault(tmp_path: Path) -> None:
    assert find_faults(tmp_path, {}) == [f"{tmp_path}: no source files"]
