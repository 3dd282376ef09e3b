"""Tests that the rows of "Where to add things" in docs/architecture.md name the right files.

Each row is tried on an existing kind: the files that name the kind must be those of the row and
those of KINDS below, which gives the reason why a new kind does not touch them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "include", "scripts", "configs/cost")
MEASURED = re.compile(r"configs/cost/spu_.*_(colocated|shared)\.json|.*/paper_tables\.json")

KINDS = {
    "an activation": (
        "quadratic",
        {
            "scripts/aero/private/program/folding.py": "a factor of its own goes into W_in",
            "configs/cost/crypten_0.4.0.json": "priced for CrypTen, too",
            "configs/cost/sigma.json": "priced for SIGMA, too",
        },
    ),
    "a norm": (
        "rmsnorm",
        {
            "include/aero/config/model_config.h": "the final norm follows it",
            "scripts/aero/config/model.py": "the final norm follows it",
            "src/config/presets.cpp": "He and Hofmann's block has it",
            "scripts/aero/golden/case.py": "He and Hofmann's block has it",
            "src/config/notation.cpp": "stands among the examples of names",
            "scripts/aero/results/markdown.py": "stands in the papers' tables",
            "configs/cost/aero_papers.json": "priced for the papers, too",
            "configs/cost/crypten_0.4.0.json": "priced for CrypTen, too",
            "configs/cost/sigma.json": "priced for SIGMA, too",
        },
    ),
    "a form of the FFN": (
        "ffn_fused",
        {
            "src/cost/primitive_calls.cpp": "an operation has another name in it",
            "src/model/own_parts.cpp": "it has no inner width",
            "src/report/markdown.cpp": "it has no inner width",
            "scripts/aero/golden/case.py": "it has no inner width",
            "src/model/surgery.cpp": "aero transform fuses",
            "src/train/warm_start.cpp": "a run can start from what was fused",
            "src/pipeline/four_steps_candidates.cpp": "a step of the pipeline fuses",
            "scripts/aero/reference/authors.py": "the authors' code has it",
            "scripts/aero/benchmark/step_scenes.py": "it is timed",
        },
    ),
}


def row_of(kind: str) -> str:
    text = (ROOT / "docs" / "architecture.md").read_text()
    chapter = text.partition("## Where to add things")[2]
    (row,) = re.findall(rf"^\| {re.escape(kind)} \|(.*)\|$", chapter, re.MULTILINE)
    return str(row)


def file_of(name: str) -> str:
    """Returns a room's file by its short name, such as "cost/primitive.h"."""
    for place in (name, f"include/aero/{name}", f"src/{name}"):
        if (ROOT / place).is_file():
            return place
    raise AssertionError(f"docs/architecture.md names {name}, which is no file")


def files_with(word: str) -> set[str]:
    pattern = re.compile(rf"\b{word}\b")
    files = {
        file.relative_to(ROOT).as_posix(): file.read_text(errors="replace")
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    return {
        name for name, text in files.items() if pattern.search(text) and not MEASURED.match(name)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_names_all_files(kind: str) -> None:
    word, others = KINDS[kind]
    row = row_of(kind)
    named = [file_of(name) for name in re.findall(r"`([\w./]+/[\w.]+\.\w+)`", row)]
    counted = int(re.search(r"(\d+) files", row)[1])
    assert counted == len(named) == len(set(named))
    assert set(named) == files_with(word) - set(others)
    assert set(others) <= files_with(word)
