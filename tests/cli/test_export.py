"""Tests `aero export`: what it writes is what transformers wrote, and transformers loads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from program import call, make_config
from safetensors.torch import load_file, save_file
from test_import import BOUNDS, FOLDERS, GPT2, NAMES, error_of_logits, imported, small_tokenizer

STANDARD: list[tuple[str, dict[str, Any]]] = [
    ("SM+LN+G", {}),
    ("SM+LN+R", {"biases": "qk", "norm_bias": False, "tied_head": False}),
    ("EReg(SM+LN+WNFFN)", {"positions": 20, "attention_scaled": False, "dropout": {}}),
    ("SM+LN+G", {"family": "pythia", "biases": "none", "rotary_fraction": 0.5}),
    ("SM+LN+R", {"family": "pythia", "parallel_residual": False, "tied_head": True}),
]


def trained(aero: str, corpus: Path, place: Path, architecture: str, **model: Any) -> Path:
    settings = {"architecture": architecture, **model}
    config = make_config(
        place / "c.json", corpus, place / "run", model=settings, train={"duration": "20"}
    )
    result = call(aero, "train", config, "-q")
    assert result.returncode == 0, result.stderr
    return place / "run"


def exported(aero: str, model: Path, out: Path, *flags: str) -> Path:
    result = call(aero, "export", model, "--out", out, *flags)
    assert result.returncode == 0, result.stderr
    return out


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_import_and_export_give_the_same_tensors(aero: str, folder: Path, tmp_path: Path) -> None:
    out = exported(aero, imported(aero, folder, tmp_path / "in"), tmp_path / "out")
    ours, theirs = (load_file(place / "model.safetensors") for place in (out, folder))
    if "lm_head.weight" in theirs and "embed_out.weight" in ours:
        theirs["embed_out.weight"] = theirs.pop("lm_head.weight")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
    # What is written can be read again, with the settings of the first folder.
    again = imported(aero, out, tmp_path / "again")
    assert (again / "config.json").read_text() == (tmp_path / "in" / "config.json").read_text()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_numbers_come_back(aero: str, dtype: str, tmp_path: Path) -> None:
    folder = tmp_path / "narrow"
    folder.mkdir()
    (folder / "config.json").write_bytes((GPT2 / "config.json").read_bytes())
    kind = getattr(torch, dtype)
    theirs = {k: v.to(kind) for k, v in load_file(GPT2 / "model.safetensors").items()}
    save_file(theirs, folder / "model.safetensors")
    model = imported(aero, folder, tmp_path / "in")
    ours = load_file(
        exported(aero, model, tmp_path / "out", "--dtype", dtype) / "model.safetensors"
    )
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == dtype


def test_parts_of_a_program_are_refused(aero: str, tmp_path: Path) -> None:
    model = imported(aero, GPT2, tmp_path / "in")
    config = json.loads((model / "config.json").read_text())
    config["model"]["own_parts"] = "MyNorm"
    (model / "config.json").write_text(json.dumps(config))
    result = call(aero, "export", model, "--out", tmp_path / "out")
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    assert "model.own_parts" in result.stderr and not (tmp_path / "out").exists()


def test_nothing_is_overwritten(aero: str, tmp_path: Path) -> None:
    model = imported(aero, GPT2, tmp_path / "in")
    result = call(aero, "export", model, "--out", tmp_path / "in")
    assert result.returncode == 2 and "exists already" in result.stderr


def test_the_tokenizer_comes_along(aero: str, tmp_path: Path) -> None:
    model = imported(aero, GPT2, tmp_path / "in")
    small_tokenizer().save(str(model / "tokenizer.json"))
    out = exported(aero, model, tmp_path / "out")
    assert (out / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()
    settings = json.loads((out / "tokenizer_config.json").read_text())
    assert settings["eos_token"] == "<|endoftext|>"
    generation = json.loads((out / "generation_config.json").read_text())
    assert generation["eos_token_id"] == 0


def golden_by_transformers(folder: Path, place: Path) -> Path:
    """Has transformers load a folder, and writes tokens with its logits in float64."""
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    is_gpt2 = model.config.model_type == "gpt2"
    model.eval().set_attn_implementation("eager" if is_gpt2 else "sdpa")
    tokens = torch.randint(64, (2, 16), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model(tokens).logits
    place.mkdir()
    save_file({"tokens": tokens, "logits": logits}, place / "expected.safetensors")
    return place


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "model"), STANDARD)
def test_transformers_computes_the_same(
    aero: str, corpus: Path, tmp_path: Path, architecture: str, model: dict[str, Any]
) -> None:
    pytest.importorskip("transformers")
    run = trained(aero, corpus, tmp_path, architecture, **model)
    out = exported(aero, run, tmp_path / "out", "--dtype", "float64")  # folds in float64
    golden = golden_by_transformers(out, tmp_path / "golden")
    for dtype, bound in BOUNDS.items():
        assert error_of_logits(aero, run, golden, tmp_path, dtype) <= bound, dtype


@pytest.mark.slow
def test_transformers_loads_the_tokenizer(aero: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = imported(aero, GPT2, tmp_path / "in")
    ours = small_tokenizer()
    ours.save(str(model / "tokenizer.json"))
    out = exported(aero, model, tmp_path / "out")
    theirs = transformers.AutoTokenizer.from_pretrained(out)
    text = "the cat's mat<|endoftext|> naïve\n"
    assert theirs(text)["input_ids"] == ours.encode(text).ids
    assert theirs.decode(theirs(text)["input_ids"]) == text and theirs.eos_token_id == 0
