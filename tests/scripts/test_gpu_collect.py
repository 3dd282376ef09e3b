"""Tests that scripts/gpu/collect.py puts the parts of scripts/gpu/check.sh together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from aero.commands.gpu import collect

FACTS = {"card": "a card", "driver": "1", "libtorch": "2", "pytorch": "2", "commit": "abc"}


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(collect, "machine", lambda aero, device: FACTS)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/doctor.txt").write_text("CUDA 13.0\n", encoding="utf-8")
    return tmp_path


def part(out: Path, stem: str, facts: dict[str, str]) -> None:
    path = out / stem
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps({"machine": facts, "n": 1}), encoding="utf-8")
    path.with_suffix(".md").write_text("# Title of it\n\n| a |\n", encoding="utf-8")


def collected(out: Path) -> tuple[dict[str, object], str]:
    program = shutil.which("true")
    assert program is not None
    assert collect.main(["--aero", program, "--out", str(out), "--device", "cuda"]) == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return results, (out / "results.md").read_text(encoding="utf-8")


def test_parts_come_under_the_machine(out: Path) -> None:
    part(out, "suite/suite", FACTS)
    part(out, "bench/benchmark", FACTS)
    results, text = collected(out)
    assert results["machine"] == FACTS
    assert set(results) == {"machine", "build", "suite", "bench"}
    assert "a card, driver 1" in text and text.count("## Title of it") == 2


def test_a_part_of_another_program_is_left_out(
    out: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    part(out, "train/train", {**FACTS, "commit": "def"})
    results, text = collected(out)
    assert "train" not in results and "Title" not in text
    assert "train.json is of another machine" in capfd.readouterr().err


@pytest.mark.parametrize("option", [["--tiny"], ["--seconds", "5"]])
def test_what_makes_no_difference_is_not_offered(
    out: Path, capfd: pytest.CaptureFixture[str], option: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        collect.main(["--aero", "/bin/true", "--out", str(out), *option])
    assert f"{option[0]}: no such option" in capfd.readouterr().err


def test_the_build_lists_compilers_and_warnings(out: Path) -> None:
    configured = "-- The CXX compiler identification is GNU 13.2.0\n-- Done\n"
    (out / "build/configure.log").write_text(configured, encoding="utf-8")
    (out / "build/build.log").write_text("x.cpp:1: warning: y\nok\n", encoding="utf-8")
    results, text = collected(out)
    assert results["build"] == {
        "doctor": ["CUDA 13.0"],
        "warnings": 1,
        "compilers": {"CXX": "GNU 13.2.0"},
    }
    assert "CXX: GNU 13.2.0. 1 warnings." in text
