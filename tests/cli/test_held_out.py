"""Tests that a run checks before its first step whether it has the validation split it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import CONTEXT, call, make_config, make_corpus, read_metrics

SILENT = ["--set", "eval.every=0", "--set", "entropy.every=0"]


def without_validation(folder: Path) -> Path:
    corpus = make_corpus(folder)
    (corpus / "val-00000.tok").unlink()
    manifest = json.loads((corpus / "manifest.json").read_text())
    manifest["splits"]["val"] = []
    (corpus / "manifest.json").write_text(json.dumps(manifest))
    return corpus


@pytest.mark.parametrize("options", [[], SILENT])
def test_a_split_shorter_than_one_context_is_refused_before_anything_starts(
    aero: str, tmp_path: Path, options: list[str]
) -> None:
    corpus = make_corpus(tmp_path / "corpus", val=CONTEXT)
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run)
    result = call(aero, "train", config, *options)
    assert result.returncode == 2
    assert str(corpus) in result.stderr and "(val)" in result.stderr
    assert not run.exists()


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ([], "eval.every"),
        (["--set", "eval.every=0"], "entropy.every"),
        (["--set", "entropy.batches=0"], "eval.every"),
    ],
)
def test_a_missing_split_that_a_key_asks_for_is_refused(
    aero: str, tmp_path: Path, options: list[str], key: str
) -> None:
    corpus = without_validation(tmp_path / "corpus")
    run = tmp_path / "run"
    result = call(aero, "train", make_config(tmp_path / "run.json", corpus, run), *options)
    assert result.returncode == 2
    assert "no split 'val'" in result.stderr and key in result.stderr
    assert "splits here: train;" in result.stderr or "splits here: train." in result.stderr
    assert not run.exists()


@pytest.mark.parametrize(
    "options", [SILENT, ["--set", "eval.every=0", "--set", "entropy.batches=0"]]
)
def test_a_corpus_without_validation_trains_where_nothing_asks_for_it(
    aero: str, tmp_path: Path, options: list[str]
) -> None:
    corpus = without_validation(tmp_path / "corpus")
    run = tmp_path / "run"
    result = call(aero, "train", make_config(tmp_path / "run.json", corpus, run), *options)
    assert result.returncode == 0, result.stderr
    assert "the run has no evaluations" in result.stderr
    lines = read_metrics(run)
    assert lines[-1]["outcome"] == "finished"
    assert not any(line.get("event") in ("evaluation", "entropy") for line in lines)
    assert (run / "checkpoints/step-00000060").is_dir()
