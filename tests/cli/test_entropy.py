"""Tests entropy regularisation and the entropy that the program records and prints."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import CONTEXT, call, make_config, read_metrics
from safetensors.numpy import load_file
from test_resume import assert_same_end, kill_at

UNIFORM = math.lgamma(CONTEXT + 1) / CONTEXT
MODEL: dict[str, Any] = {
    "architecture": "EReg(SM(t)+ScFuFFN_i1)",
    "dropout": {},
    "ereg": {"gamma": 0.05},
}


@pytest.fixture(scope="module")
def run(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("entropy")
    config = make_config(
        folder / "config.json",
        corpus,
        folder / "run",
        model=MODEL,
        entropy={"every": "20", "batches": 2},
    )
    result = call(aero, "train", config)
    assert result.returncode == 0, result.stderr
    (folder / "run" / "console.txt").write_text(result.stdout + result.stderr)
    return folder / "run"


def test_metrics_hold_entropies_and_scalars_at_the_interval(run: Path) -> None:
    lines = read_metrics(run)
    events = [line for line in lines if line.get("event") == "entropy"]
    assert [event["step"] for event in events] == [0, 20, 40, 60]
    for event in events:
        assert np.shape(event["entropy"]) == (2, 2)
        assert 0 <= np.min(event["entropy"]) <= np.max(event["entropy"]) <= UNIFORM + 1e-3
        assert event["uniform"] == pytest.approx(UNIFORM, rel=1e-3)
        assert event["e_max"] == pytest.approx(math.log(CONTEXT), rel=1e-3)
        assert sum(event["bins"]) == pytest.approx(1, abs=1e-3)
        assert event["nonfinite_rows"] == [0, 0] and event["rows"] == 2 * 4 * CONTEXT
        assert event["alpha"][1] is None and event["beta"][1] is None  # pruned
        assert np.shape(event["temperature"]) == (2, 2)
        assert np.shape(event["thresholds"]) == (2, 2)
    first = events[0]
    assert (first["alpha"][0], first["beta"][0]) == (0.3, 1)
    assert first["overloaded"] == [0, 1]  # weights of std 0.02 attend to all alike
    steps = [line for line in lines if "grad_norm" in line]
    assert all(step["penalty"] >= 0 for step in steps) and steps[0]["penalty"] > 0


def test_overload_is_reported_with_layer_and_step(run: Path) -> None:
    assert "step 0: layer 1: attention entropy is overloaded" in (run / "console.txt").read_text()


def test_inspect_shows_what_training_measured_last(aero: str, run: Path) -> None:
    last = [line for line in read_metrics(run) if line.get("event") == "entropy"][-1]
    command = ["inspect", run / "checkpoints/step-00000060", "--entropy", "--batches", "2"]
    shown = json.loads(call(aero, *command, "--json").stdout)
    np.testing.assert_allclose(shown["entropy"], last["entropy"], rtol=1e-3)
    np.testing.assert_allclose(shown["thresholds"], last["thresholds"], rtol=1e-3)
    text = call(aero, *command).stdout
    assert "thresholds" in text and "rows not finite" in text and "alpha by layer" in text


def test_inspect_has_the_entropy_of_its_own_logits_run(
    aero: str, run: Path, tmp_path: Path
) -> None:
    """Compares row entropies of layer 0 with attention computed here from the checkpoint."""
    checkpoint = run / "checkpoints/step-00000060"
    tokens = list(range(CONTEXT))
    out = tmp_path / "out.safetensors"
    ids = ",".join(map(str, tokens))
    flags = ["--logits", ids, "--out", out, "--dtype", "float64"]
    assert call(aero, "inspect", checkpoint, *flags).returncode == 0
    w = {k: v.astype(np.float64) for k, v in load_file(checkpoint / "weights.safetensors").items()}
    x = w["tokens.weight"][tokens] + w["positions.weight"][:CONTEXT]
    q, k = (
        x @ w[f"blocks.0.attention.{name}.weight"].T + w[f"blocks.0.attention.{name}.bias"]
        for name in "qk"
    )
    for head in range(2):
        part = slice(8 * head, 8 * head + 8)
        t = np.exp(w["blocks.0.attention.temperature"][head])[:, None]
        scores = q[:, part] @ k[:, part].T / math.sqrt(8) / t
        for i in range(CONTEXT):
            a = np.exp(scores[i, : i + 1] - scores[i, : i + 1].max())
            a /= a.sum()
            entropy = load_file(out)["row_entropy"][0, 0, head, i]
            assert entropy == pytest.approx(-(a * np.log(a)).sum(), abs=1e-10)


@pytest.mark.parametrize("architecture", ["EReg(SM(t)+SNScFFN_i1)", "SM+WNFFN"])
def test_a_killed_run_of_any_architecture_ends_the_same(
    aero: str, corpus: Path, tmp_path: Path, architecture: str
) -> None:
    model = {"architecture": architecture, "qk_form": "spectral_norm"}
    settings = {"model": model, "entropy": {"every": "7", "batches": 1}}
    reference, run = tmp_path / "reference", tmp_path / "run"
    config = make_config(tmp_path / "reference.json", corpus, reference, **settings)
    assert call(aero, "train", config, "-q").returncode == 0
    config = make_config(tmp_path / "run.json", corpus, run, **settings)
    for step in (8, 23, 41):
        kill_at(aero, config, run, step)
    assert call(aero, "train", config, "--resume", "-q").returncode == 0
    assert_same_end(run, reference)


def test_a_model_that_diverges_records_the_layer_and_the_step(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    """A raw temperature of 1e-30 makes scores that overflow."""
    run = tmp_path / "run"
    model = {**MODEL, "temperature": "raw", "temperature_init": 1e-30, "init_std": 1.0}
    config = make_config(tmp_path / "config.json", corpus, run, model=model)
    result = call(aero, "train", config)
    assert result.returncode == 1
    event = next(line for line in read_metrics(run) if line.get("event") == "nonfinite")
    assert event["step"] >= 1 and event["action"] == "stop"
    assert event["layer"].startswith("blocks.") or event["parameter"]
