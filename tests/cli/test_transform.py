"""Tests `aero transform` on trained models, by the logits of the program itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import VOCABULARY, call, make_config
from safetensors.numpy import load_file

TOKENS = "1 2 3 4 5 6 7 8\n9 8 7 6 5 4 3 2\n"
PLAIN: dict[str, Any] = {"dropout": {}, "final_norm": False}


def train(aero: str, corpus: Path, folder: Path, architecture: str, **model: Any) -> Path:
    run = folder / "run"
    settings = {**PLAIN, "architecture": architecture, **model}
    config = make_config(
        folder / "config.json", corpus, run, model=settings, train={"duration": "30"}
    )
    result = call(aero, "train", config, "-q")
    assert result.returncode == 0, result.stderr
    return run


def logits(aero: str, model: Path, folder: Path, dtype: str) -> np.ndarray:
    tokens, out = folder / "tokens.txt", folder / "logits.safetensors"
    tokens.write_text(TOKENS)
    result = call(aero, "inspect", model, "--logits", tokens, "--out", out, "--dtype", dtype)
    assert result.returncode == 0, result.stderr
    return load_file(out)["logits"]


def difference(aero: str, a: Path, b: Path, folder: Path, dtype: str) -> float:
    first, second = logits(aero, a, folder, dtype), logits(aero, b, folder, dtype)
    assert first.shape == (2, 8, VOCABULARY)
    return float(np.abs(first - second).max() / np.abs(first).max())


@pytest.mark.parametrize(
    ("architecture", "model", "flags", "becomes"),
    [
        ("SM+ScFFN", {}, ["--fuse-ffn"], "SM+ScFuFFN"),
        ("SM+SNFFN", {}, ["--fuse-ffn"], "SM+FuFFN"),
        ("SM+WNFFN", {"biases": "qk"}, ["--fuse-ffn"], "SM+FuFFN"),
        ("SM+ScFFN_i1", {}, ["--fuse-ffn", "--fold-scales"], "SM+FuFFN_i1"),
        ("SM+R+SNScFFN", {}, ["--fold-forms"], "SM+R+ScFFN"),
        ("SM+LN", {"family": "pythia", "final_norm": True}, ["--fuse-ffn"], "SM+LN+FuFFN"),
    ],
)
def test_an_exact_transform_keeps_the_logits(
    aero: str,
    corpus: Path,
    tmp_path: Path,
    architecture: str,
    model: dict[str, Any],
    flags: list[str],
    becomes: str,
) -> None:
    run = train(aero, corpus, tmp_path, architecture, **model)
    for dtype, bound in (("float32", 1e-5), ("float64", 1e-10)):
        out = tmp_path / dtype
        result = call(aero, "transform", run, "--out", out, "--dtype", dtype, *flags)
        assert result.returncode == 0, result.stderr
        assert f"{architecture} became {becomes}" in result.stdout
        assert difference(aero, run, out, tmp_path, dtype) <= bound


def test_a_pruned_model_is_an_ordinary_checkpoint(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = train(aero, corpus, tmp_path, "EReg(SM(t)+ScFuFFN)")
    pruned = tmp_path / "pruned"
    assert call(aero, "transform", run, "--out", pruned, "--prune-ffn", "1").returncode == 0
    described = json.loads(call(aero, "inspect", pruned, "--json").stdout)
    assert described["architecture"] == "EReg(SM(t)+ScFuFFN_i1)"
    names = {tensor["name"] for tensor in described["tensors"]}
    assert "blocks.0.ffn.w.weight" in names and "blocks.1.ffn.w.weight" not in names
    for command in (["eval"], ["inspect", "--entropy"], ["report"]):
        assert call(aero, command[0], pruned, *command[1:]).returncode == 0, command
    generated = call(aero, "generate", pruned, "--ids", "1,2,3", "--max-tokens", "4")
    assert generated.returncode == 0, generated.stderr
    # It can also be trained further.
    config = make_config(
        tmp_path / "on.json",
        corpus,
        tmp_path / "on",
        model={**PLAIN, "architecture": "SM(t)+ScFuFFN_i1"},
        train={"duration": "5", "warm_start": str(pruned)},
    )
    result = call(aero, "train", config)
    assert result.returncode == 0, result.stderr
    assert "begun anew: none" in result.stdout + result.stderr
    assert "left out: thresholds" in result.stdout + result.stderr


def test_chosen_layers_are_pruned(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = train(aero, corpus, tmp_path, "SM+LN+R")
    out = tmp_path / "out"
    result = call(aero, "transform", run, "--out", out, "--prune-layers", "0")
    assert "became SM+LN+R+FFN_i[0]" in result.stdout, result.stderr


def test_an_impossible_transform_is_refused_and_writes_nothing(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    run = train(aero, corpus, tmp_path, "SM+LN+ScFFN")
    out = tmp_path / "out"
    for flags, word in (
        ([], "--fuse-ffn"),
        (["--fold-scales"], "norm"),
        (["--prune-ffn", "3"], "2 layers"),
        (["--prune-layers", "2"], "layer 2"),
    ):
        result = call(aero, "transform", run, "--out", out, *flags)
        assert result.returncode == 2 and word in result.stderr, result.stderr
        assert not out.exists()
    result = call(aero, "transform", run, "--out", run, "--fuse-ffn")
    assert result.returncode == 2 and "exists already" in result.stderr
