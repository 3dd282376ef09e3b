"""Tests scripts/gpu/train.py on the CPU at a tiny size."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aero.benchmark.training_corpus import python_folders
from aero.benchmark.training_rows import ORDER, ROWS, published, row_settings
from aero.benchmark.training_turns import Pace, steps_that_fit
from aero.commands.gpu import train
from gpu_programs import calls, needs_torch, real_aero, stand_in

pytestmark = needs_torch
Run = Callable[..., int]
EREG = "EReg(SM(t)+ScFuFFN_i6)"


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    return stand_in(tmp_path)


@pytest.fixture
def run(binary: Path, tmp_path: Path) -> Run:
    def with_options(*options: str) -> int:
        common = ["--out", str(tmp_path / "out"), "--device", "cpu", "--tiny"]
        return train.main(["--aero", str(binary), *common, *options])

    return with_options


def results(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "out" / "train.json").read_text())


def table(tmp_path: Path) -> str:
    return (tmp_path / "out" / "train.md").read_text()


def test_all_rows_train_for_real(tmp_path: Path) -> None:
    options = ["--aero", str(real_aero()), "--out", str(tmp_path / "out")]
    assert train.main([*options, "--device", "cpu", "--tiny"]) == 0
    found = results(tmp_path)["measurements"]
    steps = found["plan"]["steps"]
    for row in ROWS:
        assert found[row]["outcome"] == "finished", row
        assert found[row]["tokens"] == steps * 4 * 16, row
        # Far above 1, and not much above that of a model that has learned nothing.
        assert 10 < found[row]["perplexity"] < 1000, row
        assert len(found[row]["entropy_by_layer"]) == 7, row
    # The same seed and batches, other models: no two end alike.
    assert len({found[row]["perplexity"] for row in ROWS}) == len(ROWS)


def test_rows_are_set_beside_the_papers(run: Run, tmp_path: Path) -> None:
    assert run("--steps", "5") == 0
    text = table(tmp_path)
    assert f"| SM+LN+G | 2.69 | +0.0% | {math.exp(2):.2f} | +0.0% | 320 | 128 |" in text
    assert f"| SM+G | 3.20 | +18.8% | {math.exp(2):.2f} | +0.0% | 320 | 128 |" in text
    assert "in 5 steps of 4 x 16 tokens" in text


def test_as_many_steps_are_planned_as_fit_for_all_rows(
    run: Run, binary: Path, tmp_path: Path
) -> None:
    paces = {"SM+LN+G": Pace(10, 0.06), "SM+ScFuFFN": Pace(8, 0.03), EREG: Pace(9, 0.05)}
    # Five unfused rows, two fused ones and EReg: 75 s around steps of 0.41 s in all.
    assert steps_that_fit(paces, 75 + 0.41 * 1000.5) == 1000
    # The stand-in's probes say 0.5 s a step, so that a dry run takes its most.
    assert run() == 0
    assert results(tmp_path)["measurements"]["plan"]["steps"] == 6
    made = [line.split()[-2:] for line in calls(binary)]
    assert made == [["3", "probe"]] * 3 + [["6", row] for row in ORDER]


def test_too_little_time_is_reported(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AERO_SLOWER", "100")  # 410 s a step of all rows
    assert run("--seconds", "200") == 1
    message = capsys.readouterr().err
    assert "s are left for training, and 2 steps of every row take 8" in message


def test_no_time_at_all_is_reported(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--seconds", "30") == 1
    message = capsys.readouterr().err
    assert "corpus-tiny: no time is left to make the corpus; give more --seconds" in message


def test_a_probe_without_time_is_reported(
    run: Run, binary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--steps", "5") == 0  # so that there is a corpus
    before = len(calls(binary))
    assert run("--seconds", "25") == 1
    message = capsys.readouterr().err
    assert "left for training, and none for a trial of 3 steps of EReg(" in message
    assert len(calls(binary)) == before
    monkeypatch.setenv("AERO_PROBE_TAKES", "60")
    assert run("--seconds", "33") == 1
    message = capsys.readouterr().err
    fault = (
        r"left for training, and a trial of 3 steps of .* took more than the [0-3] s that it had;"
    )
    assert re.search(fault, message)
    assert len(calls(binary)) == before + 1


def test_the_warm_up_is_as_asked_for(
    run: Run, binary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--steps", "5") == 0
    assert "a warm-up of 50% (theirs: 1,600 steps), since 5% is too steep" in table(tmp_path)
    assert run("--steps", "5", "--warmup", "5%") == 0
    assert "with a warm-up of 5% (theirs: 1,600 steps). Corpus" in table(tmp_path)
    warmups = binary.with_name("warmups").read_text().split()
    assert warmups == ["50%"] * len(ROWS) + ["5%"] * len(ROWS)
    assert "it was moved to train.before.json" in capsys.readouterr().err
    for text in ("half", "150%", "1.5", "0.5t"):
        with pytest.raises(SystemExit, match="2"):
            run("--warmup", text)
        assert re.search(f"--warmup: .*duration.*: '{text}'", capsys.readouterr().err)


def test_programs_may_share_a_corpus(run: Run, binary: Path, tmp_path: Path) -> None:
    work = ["--work", str(tmp_path / "work"), "--steps", "5"]
    assert run(*work) == 0
    made = sorted((tmp_path / "out/train.runs").iterdir())
    assert len(made) >= len(ROWS)
    assert run(*work, "--out", str(tmp_path / "other")) == 0
    assert len(calls(binary)) == 2 * len(ROWS)
    assert sorted((tmp_path / "out/train.runs").iterdir()) == made
    assert results(tmp_path)["measurements"]["SM+R"]["outcome"] == "finished"


def test_a_row_that_diverges_is_a_result(
    run: Run, binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AERO_DIVERGES", "SM+G")
    assert run("--steps", "5") == 0
    record = results(tmp_path)["measurements"]["SM+G"]
    assert record["outcome"] == "nonfinite" and record["layer"] == 3 and record["steps"] == 2
    assert "| SM+G | 3.20 | +18.8% | NaN (step 2, layer 3) | – | 128 |" in table(tmp_path)
    before = len(calls(binary))
    assert run("--steps", "5") == 0
    assert len(calls(binary)) == before == len(ROWS)


def test_a_row_that_fails_is_tried_again(
    run: Run, binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AERO_FAILS", EREG)
    assert run("--steps", "5") == 1
    assert results(tmp_path)["failed"] == [EREG]
    assert results(tmp_path)["measurements"][EREG]["failed"].endswith("no room")
    assert f"| {EREG} | 3.25 | +20.8% | failed |" in table(tmp_path)
    monkeypatch.delenv("AERO_FAILS")
    assert run("--steps", "5") == 0
    assert len(calls(binary)) == len(ROWS) + 1
    assert results(tmp_path)["measurements"][EREG]["outcome"] == "finished"


def test_rows_for_which_no_time_is_left_are_named(run: Run, binary: Path, tmp_path: Path) -> None:
    assert run("--steps", "5") == 0
    assert results(tmp_path)["left_out"] == []
    assert run("--steps", "6", "--seconds", "25") == 0
    assert results(tmp_path)["left_out"] == list(ORDER)
    assert len(calls(binary)) == len(ROWS)
    assert f"Not finished because time ran out: {', '.join(ORDER)}." in table(tmp_path)


def test_rows_have_the_settings_of_the_tables() -> None:
    assert sorted(ORDER) == sorted(ROWS)
    base, settings = row_settings(EREG)
    assert base.name == "gpt2-12l.json" and base.is_file()
    assert settings["model.temperature"] == "raw" and settings["model.temperature_init"] == 0.01
    assert settings["model.ereg.reduction"] == "row_sum"
    assert row_settings("SM+G")[1]["model.architecture"] == "SM+G"
    assert [published(row) for row in ROWS] == [2.69, 2.76, 3.197, 2.936, 3.5, 3.48, 3.54, 3.25]


def test_the_corpus_is_of_folders_that_are_not_within_one_another() -> None:
    folders = python_folders()
    assert any((folder / "json" / "decoder.py").is_file() for folder in folders)
    for folder in folders:
        assert not set(folder.parents) & set(folders)
