"""Tests that each fault gives one clear error, and that nothing is lost or half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import CONTEXT, VOCABULARY, call, make_config, make_corpus, read_metrics, write_tokens


def no_stack(text: str) -> bool:
    return not any(
        sign in text for sign in ("frame #", "Exception raised from", "terminate called")
    )


def test_every_fault_of_a_config_is_reported_at_once(aero: str, tmp_path: Path) -> None:
    config = tmp_path / "bad.json"
    config.write_text('{"model": {"n_layers": 4, "norm": "layernrom"}, "train": {"clip": "one"}}')
    result = call(aero, "train", config)
    assert result.returncode == 2
    for part in ("bad.json", "model.n_layers", "n_layer", "layernorm", "train.clip"):
        assert part in result.stderr
    assert no_stack(result.stderr)


def test_the_error_names_a_missing_corpus(aero: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", tmp_path / "nowhere", run)
    result = call(aero, "train", config)
    assert result.returncode != 0
    assert "nowhere" in result.stderr and no_stack(result.stderr)
    assert not run.exists()


def test_the_error_for_no_corpus_says_how_to_make_one(aero: str, tmp_path: Path) -> None:
    config = make_config(tmp_path / "run.json", Path(), tmp_path / "run", data={"path": ""})
    result = call(aero, "train", config)
    assert result.returncode == 2
    assert "prepare_corpus.py" in result.stderr


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty"])
def test_a_damaged_token_file_stops_before_training(aero: str, tmp_path: Path, damage: str) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    tokens = corpus / "train-00000.tok"
    content = bytearray(tokens.read_bytes())
    if damage == "truncated":
        del content[-100:]
    elif damage == "flipped":
        content[1000] ^= 1
    elif damage == "foreign":
        content[:8] = b"\x89PNG\r\n\x1a\n"
    else:
        content.clear()
    tokens.write_bytes(content)
    run = tmp_path / "run"
    result = call(aero, "train", make_config(tmp_path / "run.json", corpus, run))
    assert result.returncode != 0
    assert "train-00000.tok" in result.stderr and no_stack(result.stderr)
    assert len(result.stderr.strip().splitlines()) == 1
    assert not run.exists()


def test_the_error_names_a_token_beyond_the_vocabulary(aero: str, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    write_tokens(corpus / "train-00000.tok", [5] * 3999 + [VOCABULARY + 6])
    result = call(aero, "train", make_config(tmp_path / "run.json", corpus, tmp_path / "run"))
    assert result.returncode != 0
    assert str(VOCABULARY + 6) in result.stderr and "3999" in result.stderr


def test_a_corpus_shorter_than_a_batch_is_refused(aero: str, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", train=3 * CONTEXT + 1)
    result = call(aero, "train", make_config(tmp_path / "run.json", corpus, tmp_path / "run"))
    assert result.returncode != 0
    assert "batch" in result.stderr and not (tmp_path / "run").exists()


def test_unknown_commands_and_flags_exit_with_two(aero: str) -> None:
    for arguments in ([], ["trian"], ["train", "--nope"], ["train"]):
        result = call(aero, *arguments)
        assert result.returncode == 2, arguments
        assert no_stack(result.stderr)


def test_a_loss_that_is_not_finite_stops_and_is_recorded(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json",
        corpus,
        run,
        train={"clip": 0, "duration": "60"},
        optimizer={"lr": 1e30},
        schedule={"name": "constant", "warmup": "0", "final_lr": 0},
        model={"norm": "none", "final_norm": False, "activation": "none", "dropout": {}},
    )
    result = call(aero, "train", config)
    assert result.returncode == 1
    events = [line for line in read_metrics(run) if line.get("event") == "nonfinite"]
    assert len(events) == 1
    event = events[0]
    assert event["action"] == "stop" and event["layer"].startswith(("tokens", "blocks", "head"))
    assert f"step {event['step']}" in result.stderr
    # The weights of the last completed step are saved.
    assert (run / f"checkpoints/step-{event['step'] - 1:08d}").is_dir()


def test_skip_trains_to_the_end(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json",
        corpus,
        run,
        train={"clip": 0, "duration": "12", "on_nonfinite": "skip"},
        optimizer={"lr": 1e30},
        schedule={"name": "constant", "warmup": "0", "final_lr": 0},
        model={"norm": "none", "final_norm": False, "activation": "none", "dropout": {}},
    )
    assert call(aero, "train", config).returncode == 0
    lines = read_metrics(run)
    assert sum("grad_norm" in line for line in lines) == 12
    assert any(line.get("skipped") for line in lines)
    assert any(line.get("action") == "skip" for line in lines)


def test_the_error_names_a_damaged_checkpoint(aero: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json",
        corpus,
        run,
        train={"duration": "10"},
        checkpoint={"every": 0, "keep_best": False},
    )
    assert call(aero, "train", config, "-q").returncode == 0
    weights = run / "checkpoints/step-00000010/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    for command in (["eval", run], ["train", config, "--resume", "--set", "train.duration=20"]):
        result = call(aero, *command)
        assert result.returncode == 1
        assert "weights.safetensors" in result.stderr and no_stack(result.stderr)
    assert "has no checkpoint that is whole" in result.stderr


def test_the_effective_config_trains_the_same_model(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, run)
    assert call(aero, "train", config, "-q", "--set", "train.duration=10").returncode == 0
    assert json.loads((run / "config.json").read_text())["train"]["duration"] == "10"
    again = tmp_path / "again"
    effective = run / "config.json"
    assert call(aero, "train", effective, "-q", "--set", f"run.folder={again}").returncode == 0
    name = "checkpoints/step-00000010/weights.safetensors"
    assert (run / name).read_bytes() == (again / name).read_bytes()
