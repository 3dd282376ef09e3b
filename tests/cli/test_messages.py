"""Tests that bad inputs are refused in AERO's own words, never in those of a library."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from program import VOCABULARY, call, make_config, make_corpus
from safetensors.torch import load_file, save_file

FOREIGN = re.compile(
    r"LibTorch:|c10|ATen|std::|vector::|map::|basic_string|terminate|Traceback|json\.exception|"
    r"index out of range|filesystem error|in self|reduction dim|enforce fail|Allocator|bad_alloc"
)


@pytest.fixture(scope="module")
def run(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("messages")
    config = make_config(folder / "run.json", corpus, folder / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    return folder / "run"


@pytest.fixture
def model(run: Path, tmp_path: Path) -> Path:
    """Copies weights and config, which the test can damage."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("weights.safetensors", "config.json"):
        shutil.copy(run / "checkpoints/step-00000060" / name, folder)
    return folder


def refusal(aero: str, *words: str | Path, code: int = 1) -> str:
    result = call(aero, *words)
    assert result.returncode == code, (words, result.stderr)
    assert not FOREIGN.search(result.stderr), result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def change_weights(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    weights = load_file(folder / "weights.safetensors")
    weights.pop(name, None)
    if tensor is not None:
        weights[name] = tensor
    save_file(weights, folder / "weights.safetensors")


EVERY_COMMAND = [
    ["eval", "{}"],
    ["generate", "{}", "--ids", "1"],
    ["inspect", "{}", "--entropy"],
    ["inspect", "{}", "--logits", "1,2", "--out", "{}-out.safetensors"],
    ["transform", "{}", "--prune-ffn", "1", "--out", "{}/out"],
    ["export", "{}", "--out", "{}/out"],
]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda words: " ".join(words[:3]))
def test_the_error_names_weights_that_do_not_fit_the_config(
    aero: str, model: Path, command: list[str]
) -> None:
    words = [word.format(model) for word in command]
    first = load_file(model / "weights.safetensors")["tokens.weight"]
    change_weights(model, "tokens.weight", None)
    assert 'the checkpoint lacks "tokens.weight"' in refusal(aero, *words)
    change_weights(model, "tokens.weight", first.to(torch.int64))
    assert "tokens.weight" in refusal(aero, *words)
    change_weights(model, "tokens.weight", torch.zeros(0))
    assert "shape" in refusal(aero, *words)
    change_weights(model, "tokens.weight", first)
    change_weights(model, "another.weight", torch.zeros(3))
    assert "another.weight" in refusal(aero, *words)
    (model / "weights.safetensors").write_bytes(b"no weights at all")
    assert "weights.safetensors" in refusal(aero, *words)
    (model / "weights.safetensors").write_bytes(b"")
    assert "weights.safetensors" in refusal(aero, *words)


def test_inspect_lists_tensors_of_any_kind(aero: str, model: Path) -> None:
    change_weights(model, "empty", torch.zeros(0, 3))
    change_weights(model, "whole", torch.arange(3))
    result = call(aero, "inspect", model)
    assert result.returncode == 0, result.stderr
    assert "empty" in result.stdout and "whole" in result.stdout
    tensors = json.loads(call(aero, "inspect", model, "--json").stdout)["tensors"]
    assert {"empty", "whole"} <= {tensor["name"] for tensor in tensors}


def test_the_error_for_a_model_beyond_all_memory_says_its_size(aero: str, model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    config["model"].update(d_model=1000000, vocab_size=1000000)
    (model / "config.json").write_text(json.dumps(config))
    message = refusal(aero, "generate", model, "--ids", "1")
    assert "not enough memory" in message and "parameters" in message


def test_the_error_for_training_beyond_all_memory_names_the_large_setting(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    config = make_config(tmp_path / "run.json", corpus, tmp_path / "run")
    large = ["--set", "model.d_model=1000000", "--set", "model.vocab_size=1000000"]
    message = refusal(aero, "train", config, *large, "-q")
    assert "not enough memory" in message and "train.batch_size" in message


def test_the_error_names_data_that_moved_and_the_option(
    aero: str, run: Path, tmp_path: Path
) -> None:
    own = make_corpus(tmp_path / "data")
    config = make_config(tmp_path / "run.json", own, tmp_path / "run")
    assert call(aero, "train", config, "-q", "--set", "train.duration=2").returncode == 0
    own.rename(tmp_path / "moved")
    for words in (["eval"], ["inspect", "--entropy"]):
        message = refusal(aero, words[0], tmp_path / "run", *words[1:], code=2)
        assert str(own) in message and "--data" in message
        moved = [words[0], tmp_path / "run", *words[1:], "--data", tmp_path / "moved"]
        assert call(aero, *moved).returncode == 0


def test_ids_beyond_the_vocabulary_are_refused(aero: str, run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    tokens = bytes([VOCABULARY + 9, 0]) * 400
    (other / "val.bin").write_bytes(tokens)
    (other / "train.bin").write_bytes(tokens)
    for words in (["eval"], ["inspect", "--entropy"]):
        result = call(aero, words[0], run, *words[1:], "--data", other)
        assert result.returncode != 0 and not FOREIGN.search(result.stderr), result.stderr
        assert str(VOCABULARY) in result.stderr
    for ids in ("64", "9" * 30, "-1"):
        refusal(aero, "generate", run, f"--ids={ids}", code=2)
        refusal(aero, "inspect", run, f"--logits={ids}", "--out", tmp_path / "o", code=2)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", "meta", "mps", "cuda:-1", "cuda:999"])
def test_an_unknown_device_is_refused(aero: str, run: Path, device: str) -> None:
    assert "device" in refusal(aero, "eval", run, "--device", device, code=2)


def test_the_error_says_what_a_folder_of_another_kind_is(
    aero: str, corpus: Path, run: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "gpt2"
    foreign.mkdir()
    (foreign / "config.json").write_text('{"model_type": "gpt2", "n_layer": 12}')
    for name in ("model.safetensors", "weights.safetensors"):
        shutil.copy(run / "checkpoints/step-00000060/weights.safetensors", foreign / name)
    sweep = tmp_path / "sweep"
    shutil.copytree(run, sweep / "SM" / "seed-1")
    for command in ("eval", "generate", "inspect", "report"):
        assert "is a Hugging Face model" in refusal(aero, command, foreign)
        assert "is a corpus" in refusal(aero, command, corpus)
        message = refusal(aero, command, sweep)
        assert "holds runs" in message and "SM/seed-1" in message
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "weights.safetensors and config.json" in refusal(aero, "eval", empty)
    assert "is a file" in refusal(aero, "eval", run / "config.json")
    assert "does not exist" in refusal(aero, "eval", tmp_path / "none")


def test_a_folder_whose_name_is_not_utf8_can_be_evaluated(aero: str, model: Path) -> None:
    odd = model.parent / "caf\udce9"
    model.rename(odd)
    for command in ("eval", "inspect"):
        result = call(aero, command, str(odd), "--json")
        assert result.returncode == 0, result.stderr
        json.loads(result.stdout)
