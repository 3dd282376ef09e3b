"""Tests the table of trained models: its windows, its runs and its rows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aero.checkpoint.checkpoints import find_checkpoint
from aero.commands import private_table_work
from aero.commands.private_table import parse_arguments
from aero.core.errors import AeroError, UsageError
from aero.private.program.settings import Settings
from aero.private.report.aero_program import Prediction
from aero.private.report.table_rows import busy_note, markdown, row_of
from aero.private.report.table_runs import Model, Record, RunsFile, Task, digest_of, tasks_of
from aero.private.run.line import Network
from aero.private.run.windows import held_out, places
from aero.reference.tokens import write_token_file
from tiny_model import CONTEXT, WORDS, tensors, write_checkpoint

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "private_table.py"
AERO = ROOT / "build" / "release" / "bin" / "aero"
WAN = Network(100, 80)


def write_corpus(folder: Path, tokens: int = 8 * CONTEXT + 1) -> np.ndarray:
    """Writes a corpus and returns its held-out tokens."""
    folder.mkdir(parents=True)
    stream = np.random.default_rng(2).integers(0, WORDS, tokens)
    write_token_file(folder / "val-00000.tok", stream, WORDS)
    splits = {"val": [{"file": "val-00000.tok"}]}
    (folder / "manifest.json").write_text(json.dumps({"splits": splits}))
    return stream


@pytest.mark.parametrize("size", [3, 8, 1000])
def test_places_are_spread_and_a_larger_count_keeps_them(size: int) -> None:
    assert places(3, size) == [0, size // 2, size // 4] if size > 3 else [0, 1, 2]
    for count in range(1, min(size, 20)):
        more = places(count + 1, size)
        assert more[:count] == places(count, size)
        assert len(set(more)) == count + 1 and max(more) < size


def test_windows_are_pieces_of_the_held_out_text(tmp_path: Path) -> None:
    stream = write_corpus(tmp_path / "corpus")
    checkpoint = find_checkpoint(write_checkpoint(tmp_path / "run"))
    windows = held_out(checkpoint, tmp_path / "corpus", 3)
    assert [window.place for window in windows] == [0, 4, 2]
    for window in windows:
        first = window.place * CONTEXT
        assert window.tokens == stream[first : first + CONTEXT].tolist()


def test_a_missing_or_too_short_corpus_is_refused(tmp_path: Path) -> None:
    checkpoint = find_checkpoint(write_checkpoint(tmp_path / "run"))
    with pytest.raises(AeroError, match=r"no manifest\.json .*--data FOLDER"):
        held_out(checkpoint, tmp_path, 1)
    write_corpus(tmp_path / "corpus", 2 * CONTEXT + 1)
    with pytest.raises(AeroError, match=r"has 2 windows of 16 tokens, and 3 were asked for"):
        held_out(checkpoint, tmp_path / "corpus", 3)


def test_a_corpus_of_another_tokenizer_is_refused(tmp_path: Path) -> None:
    run, corpus = write_checkpoint(tmp_path / "run"), tmp_path / "corpus"
    write_corpus(corpus)
    (run / "state.json").write_text(json.dumps({"tokenizer_sha256": "ab" * 32}))
    checkpoint = find_checkpoint(run)
    assert len(held_out(checkpoint, corpus, 3)) == 3  # the corpus does not say
    file = corpus / "val-00000.tok"
    content = bytearray(file.read_bytes())
    content[40:72] = b"\xab" * 32
    file.write_bytes(content)
    assert len(held_out(checkpoint, corpus, 3)) == 3
    content[40:72] = b"\xcd" * 32
    file.write_bytes(content)
    with pytest.raises(AeroError, match=r"tokenizer abab.*corpus \(tokenizer cdcd.*--data"):
        held_out(checkpoint, corpus, 3)


def make_model(folder: Path, seed: int = 0) -> Model:
    checkpoint = find_checkpoint(write_checkpoint(folder / f"run{seed}", tensors(seed)))
    corpus = folder / "corpus"
    if not corpus.exists():
        write_corpus(corpus)
    windows = held_out(checkpoint, corpus, 3)
    prediction = Prediction({("q", 0): 3e6, ("head", -1): 1e6}, 4e6, rounds=50, seconds=1.9)
    return Model(f"model {seed}", checkpoint, windows, prediction, digest_of(checkpoint))


def record(task: Task) -> Record:
    """Makes a pass of 4.1 MB, 2.5 of them in the block, that takes 2 s, and 6 s over a line."""
    far = task.network is not None
    return {
        "bytes": 4.1e6,
        "messages": 120,
        "seconds": 6.0 if far else 1.0 + task.window.number,
        "setup": {"bytes": 27e6, "seconds": 9.0 if far else 3.0},
        "operations": [{"layer": 0, "measured": 2.5e6}, {"layer": -1, "measured": 1.6e6}],
        "against_aero": {
            "largest_error": 0.01 * (1 + task.window.number),
            "top1_agreement": 1.0,
        },
        "loss_plain": 2.0,
        "loss_encrypted": 2.1,
    }


class Counted:
    """Runs tasks, remembers them, and is stopped after a number of them."""

    def __init__(self, stop_after: int = 100) -> None:
        self.done: list[str] = []
        self._stop_after = stop_after

    def __call__(self, task: Task) -> Record:
        if len(self.done) == self._stop_after:
            raise KeyboardInterrupt
        self.done.append(task.label)
        return record(task)


def test_a_stopped_table_continues_with_the_missing_runs(tmp_path: Path) -> None:
    model, file = make_model(tmp_path), tmp_path / "out" / "table.json"
    tasks = tasks_of(model, Settings(), WAN, 1)
    first, second = Counted(stop_after=2), Counted()
    with pytest.raises(KeyboardInterrupt):
        private_table_work.run_tasks(tasks, RunsFile(file), first)
    assert not private_table_work.run_tasks(tasks, RunsFile(file), second)
    assert first.done + second.done == [task.label for task in tasks]
    again = Counted()
    private_table_work.run_tasks(tasks, RunsFile(file), again)
    assert again.done == []
    # Other weights make another model, though the folder is the same.
    write_checkpoint(model.checkpoint.folder, tensors(seed=9))
    trained_on = replace(model, digest=digest_of(model.checkpoint))
    private_table_work.run_tasks(tasks_of(trained_on, Settings(), WAN, 1), RunsFile(file), again)
    assert len(again.done) == 4


def test_settings_and_lines_make_runs_different(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    settings = (Settings(), Settings(weights="colocated"), Settings(threads=1))
    tasks = [Task(model, model.windows[0], None, one) for one in settings]
    tasks += [Task(model, model.windows[0], WAN, Settings())]
    tasks += [Task(model, model.windows[0], Network(100, 40), Settings())]
    tasks += [Task(model, model.windows[1], None, Settings())]
    assert len({task.identity for task in tasks}) == len(tasks)


def test_a_model_that_fails_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    models = [make_model(tmp_path, seed) for seed in (0, 1)]
    tasks = [task for model in models for task in tasks_of(model, Settings(), None, 1)]
    runs = RunsFile(tmp_path / "table.json")

    def runner(task: Task) -> Record:
        if task.model is models[0]:
            raise UsageError("w of layer 0 overflows the field")
        return record(task)

    failed = private_table_work.run_tasks(tasks, runs, runner)
    assert failed == {"model 0": "w of layer 0 overflows the field"}
    lines = private_table_work.write_table(models, tasks, runs, None, failed)
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| model 1",
        "- model 0: no row, for w of layer 0 overflows the field",
    ]
    saved = json.loads(runs.path.read_text())
    assert len(saved["runs"]) == 3 and [row["runs"] for row in saved["rows"]] == [3]
    assert runs.path.with_suffix(".md").read_text().splitlines() == lines


def test_a_row_has_means_the_worst_error_and_the_rounds_of_the_line(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    tasks = tasks_of(model, Settings(), WAN, 1)
    near = [record(task) for task in tasks[:3]]
    row = row_of(model, near, [record(tasks[3])], WAN)
    assert (row.runs, row.line_runs, row.seconds, row.line_seconds) == (3, 1, 2.0, 6.0)
    assert row.largest_error == pytest.approx(0.03)
    # 4.1 MB take 0.328 s at 100 Mbit/s; the other 3.672 s of the 4 more are rounds of 80 ms.
    assert row.rounds_of_line == pytest.approx(45.9)
    assert row.predicted_line_seconds == pytest.approx(1.9 + 0.32 + 50 * 0.08)
    assert row.as_json()["deviation_percent"] == pytest.approx(-2.439, abs=1e-3)
    assert row.as_json()["block_deviation_percent"] == pytest.approx(20.0)
    assert (row.perplexity_plain, row.perplexity_encrypted) == pytest.approx((7.38906, 8.16617))
    header, _, cells = markdown([row], [])
    assert header.count("|") == cells.count("|")
    assert (
        "| 4.10 | 4.00 (-2.44%) | 2.50 | 3.00 (+20.00%) | 50 | 2.0 | 1.9 (-5.0%) | 46 | 6.0 "
        "| 6.2 (+3.7%) |" in cells
    )


def test_a_cost_model_that_knows_nothing_leaves_cells_empty(tmp_path: Path) -> None:
    model = replace(make_model(tmp_path), prediction=Prediction({}, 0, "no such cost model"))
    tasks = tasks_of(model, Settings(), None, 1)
    row = row_of(model, [record(task) for task in tasks], [], None)
    assert row.predicted_bytes is None and row.line_seconds is None
    header, _, cells = markdown([row], [])
    assert "line" not in header
    assert "| 4.10 | – | 2.50 | – | – | 2.0 | – |" in cells


def test_a_note_says_that_the_machine_was_busy() -> None:
    assert busy_note([{"busy_cores_before": 0.1}, {"busy_cores_before": None}]) == ""
    assert "up to 1.9 cores busy" in busy_note([{"busy_cores_before": 1.9}, {}])


@pytest.mark.parametrize("text", ["", "[]", '{"format": "another", "runs": []}'])
def test_a_file_that_holds_something_else_is_not_overwritten(text: str, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text(text)
    with pytest.raises(AeroError, match=r"table\.json: not a file of private_table\.py"):
        RunsFile(file)


def start(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_the_script_runs_a_model_and_its_second_start_runs_nothing(tmp_path: Path) -> None:
    pytest.importorskip("spu")
    if not AERO.is_file():
        pytest.skip(f"{AERO} is not built")
    write_corpus(tmp_path / "corpus")
    run = write_checkpoint(tmp_path / "run")
    arguments = [run, "--out", tmp_path / "out", "--repeats", 1, "--data", tmp_path / "corpus"]
    first = start(*arguments, "--weights", "colocated")
    assert first.returncode == 0, first.stderr
    assert "1 runs, 0 of them in" in first.stdout
    (row,) = json.loads((tmp_path / "out" / "table.json").read_text())["rows"]
    assert row["architecture"] == "SM(t)+ScFuFFN"
    assert row["top1_agreement"] >= 15 / 16
    assert row["perplexity_encrypted"] == pytest.approx(row["perplexity_plain"], rel=0.02)
    assert 0 < row["block_bytes"] < row["bytes"]
    second = start(*arguments, "--weights", "colocated")
    assert "1 runs, 1 of them in" in second.stdout
    assert second.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--wan-repeats", "4"], "--repeats 3 --wan-repeats 4: expected"),
        (["--wan", "0", "80"], "a line of 0 Mbit/s"),
        (["--aero", "/nowhere"], "--aero /nowhere: no such file"),
        (["--aero", str(SCRIPT)], "no data.path; name the corpus by --data FOLDER"),
    ],
)
def test_impossible_options_are_refused_before_anything_runs(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = write_checkpoint(tmp_path / "run"), tmp_path / "out"
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(run), "--out", str(out), *words])
    with pytest.raises(AeroError, match=re.escape(message)):
        private_table_work.work(parse_arguments())
    assert not out.exists()
