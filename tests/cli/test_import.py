"""Tests `aero import` on folders that transformers 4 and 5 wrote, by their logits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from program import call, make_config, make_corpus
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "exchange"
FOLDERS = sorted(path.parent for path in GOLDEN.glob("*/*/config.json"))
NAMES = [f"{folder.parent.name}-{folder.name}" for folder in FOLDERS]
GPT2 = GOLDEN / "transformers-5" / "gpt2"
NEOX = GOLDEN / "transformers-5" / "neox"
BOUNDS = {"float32": 1e-5, "float64": 1e-10}


def error_of_logits(aero: str, model: Path, golden: Path, place: Path, dtype: str) -> float:
    """Returns the largest difference from transformers' logits, over the largest logit."""
    expected = load_file(golden / "expected.safetensors")
    rows = [" ".join(map(str, row)) for row in expected["tokens"].tolist()]
    tokens, out = place / "tokens.txt", place / "logits.safetensors"
    tokens.write_text("\n".join(rows) + "\n")
    result = call(aero, "inspect", model, "--logits", tokens, "--out", out, "--dtype", dtype)
    assert result.returncode == 0, result.stderr
    logits, theirs = load_file(out)["logits"].double().numpy(), expected["logits"].numpy()
    assert logits.shape == theirs.shape
    return float(np.abs(logits - theirs).max() / np.abs(theirs).max())


def imported(aero: str, folder: Path, out: Path, *flags: str) -> Path:
    result = call(aero, "import", folder, "--out", out, *flags)
    assert result.returncode == 0, result.stderr
    return out


def copy_of(folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(folder, place / "copy"))


def edit(folder: Path, **keys: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | keys))


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_the_logits_are_those_of_transformers(aero: str, folder: Path, tmp_path: Path) -> None:
    out = imported(aero, folder, tmp_path / "out")
    for dtype, bound in BOUNDS.items():
        assert error_of_logits(aero, out, folder, tmp_path, dtype) <= bound, dtype


def old_names(tensors: dict[str, torch.Tensor]) -> None:
    """Names tensors as OpenAI's GPT-2 does, with the masks that old versions stored."""
    for name in list(tensors):
        tensors[name.removeprefix("transformer.")] = tensors.pop(name)
    for layer in range(2):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 12, 12).tril().bool()
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)


def old_neox_buffers(tensors: dict[str, torch.Tensor]) -> None:
    for layer in range(2):
        name = f"gpt_neox.layers.{layer}.attention"
        tensors[f"{name}.bias"] = torch.ones(1, 1, 12, 12).tril().byte()
        tensors[f"{name}.masked_bias"] = torch.tensor(-1e9)
        tensors[f"{name}.rotary_emb.inv_freq"] = torch.ones(2)


def new_head(tensors: dict[str, torch.Tensor]) -> None:
    name = "embed_out.weight" if "embed_out.weight" in tensors else "lm_head.weight"
    other = "lm_head.weight" if name == "embed_out.weight" else "embed_out.weight"
    tensors[other] = tensors.pop(name)


def tied_head(tensors: dict[str, torch.Tensor]) -> None:
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()


@pytest.mark.parametrize(
    ("folder", "change"),
    [(GPT2, old_names), (GPT2, tied_head), (NEOX, old_neox_buffers), (NEOX, new_head)],
)
def test_files_of_other_versions_are_read(
    aero: str,
    folder: Path,
    change: Callable[[dict[str, torch.Tensor]], None],
    tmp_path: Path,
) -> None:
    copy = copy_of(folder, tmp_path)
    rewrite(copy, change)
    out = imported(aero, copy, tmp_path / "out")
    assert error_of_logits(aero, out, folder, tmp_path, "float64") <= BOUNDS["float64"]


def split(folder: Path) -> None:
    """Cuts the weights into two shards with an index."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    place = {tensor: names[i % 2] for i, tensor in enumerate(tensors)}
    for name in names:
        save_file({k: v for k, v in tensors.items() if place[k] == name}, folder / name)
    index = {"metadata": {"total_size": 1}, "weight_map": place}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_are_read(aero: str, tmp_path: Path) -> None:
    copy = copy_of(NEOX, tmp_path)
    split(copy)
    out = imported(aero, copy, tmp_path / "out")
    assert error_of_logits(aero, out, NEOX, tmp_path, "float64") <= BOUNDS["float64"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_every_type_keeps_its_values(aero: str, dtype: torch.dtype, tmp_path: Path) -> None:
    copy = copy_of(GPT2, tmp_path)
    stored = {k: v.to(dtype) for k, v in load_file(copy / "model.safetensors").items()}
    save_file(stored, copy / "model.safetensors")
    weights = load_file(imported(aero, copy, tmp_path / "out") / "weights.safetensors")
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    theirs = stored["transformer.h.1.attn.c_attn.weight"].t()
    for i, part in enumerate("qkv"):
        ours = weights[f"blocks.1.attention.{part}.weight"]
        assert ours.dtype == wide and torch.equal(ours, theirs[12 * i : 12 * i + 12].to(wide))


@pytest.mark.parametrize(
    ("folder", "keys", "words"),
    [
        (NEOX, {"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, ["rope_parameters"]),
        (NEOX, {"rope_scaling": {"type": "linear", "factor": 2.0}}, ["rope_scaling", "linear"]),
        (NEOX, {"attention_bias": False}, ["attention_bias", "false"]),
        (NEOX, {"hidden_act": "silu"}, ["hidden_act", "silu", "gelu_new"]),
        (GPT2, {"activation_function": "swish"}, ["activation_function", "swish"]),
        (GPT2, {"scale_attn_by_inverse_layer_idx": True}, ["scale_attn_by_inverse_layer_idx"]),
        (GPT2, {"add_cross_attention": True}, ["add_cross_attention"]),
        (GPT2, {"quantization_config": {"bits": 4}}, ["quantization_config"]),
        (GPT2, {"auto_map": {"AutoModel": "m.M"}}, ["auto_map", "code of its own"]),
        (GPT2, {"model_type": "llama"}, ["model_type", "llama", "gpt_neox"]),
        (GPT2, {"architectures": ["GPT2ForSequenceClassification"]}, ["architectures"]),
        (GPT2, {"n_layer": -1}, ["n_layer", "-1"]),
        (GPT2, {"n_layer": 10**12}, ["n_layer"]),
        (GPT2, {"n_head": 5}, ["n_head", "5"]),
        (GPT2, {"n_head": 0}, ["n_head"]),
    ],
)
def test_what_aero_has_not_is_refused_by_name(
    aero: str, folder: Path, keys: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    copy = copy_of(folder, tmp_path)
    edit(copy, **keys)
    expect_refusal(aero, copy, tmp_path, ["config.json", *words], code=2)


def expect_refusal(aero: str, folder: Path, place: Path, words: list[str], code: int) -> None:
    """Expects one line with all the words, and no output folder."""
    out = place / "out"
    result = call(aero, "import", folder, "--out", out)
    assert result.returncode == code and result.stderr.count("\n") == 1, result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert not out.exists() and not list(place.glob(".out*"))


def index_of(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    split(folder)
    file = folder / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    change(index["weight_map"])
    file.write_text(json.dumps(index))


def leave_the_folder(weight_map: dict[str, Any]) -> None:
    weight_map["transformer.wte.weight"] = "../secret.safetensors"


def name_an_absolute_path(weight_map: dict[str, Any]) -> None:
    weight_map["transformer.wte.weight"] = "/etc/model.safetensors"


def name_a_number(weight_map: dict[str, Any]) -> None:
    weight_map["transformer.wte.weight"] = 7


def name_the_other_shard(weight_map: dict[str, Any]) -> None:
    names = sorted(set(weight_map.values()))
    now = weight_map["transformer.wte.weight"]
    weight_map["transformer.wte.weight"] = names[1 - names.index(now)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (leave_the_folder, ["weight_map", "../secret.safetensors"]),
        (name_an_absolute_path, ["weight_map", "/etc/model.safetensors"]),
        (name_a_number, ["weight_map", "7"]),
        (name_the_other_shard, ["has no tensor", "transformer.wte.weight"]),
        (dict.clear, ["lack", "transformer.wte.weight"]),
    ],
)
def test_a_hostile_index_is_refused(
    aero: str, change: Callable[[dict[str, Any]], None], words: list[str], tmp_path: Path
) -> None:
    copy = copy_of(GPT2, tmp_path)
    index_of(copy, change)
    expect_refusal(aero, copy, tmp_path, words, code=1)


def test_a_missing_shard_is_named(aero: str, tmp_path: Path) -> None:
    copy = copy_of(GPT2, tmp_path)
    split(copy)
    name = "model-00002-of-00002.safetensors"
    (copy / name).unlink()
    expect_refusal(aero, copy, tmp_path, [name, "missing"], code=1)


def test_a_config_that_lies_is_found_out(aero: str, tmp_path: Path) -> None:
    for keys, words in (
        ({"n_embd": 24}, ["transformer.wte.weight", "[37, 12]", "[37, 24]"]),
        ({"n_layer": 3}, ["lack", "transformer.h.2.ln_1.weight"]),
        ({"n_layer": 1}, ["transformer.h.1", "no place"]),
        ({"n_inner": 20}, ["transformer.h.0.mlp.c_fc.weight", "[12, 20]"]),
        ({"tie_word_embeddings": False}, ["lack", "lm_head.weight"]),
    ):
        place = tmp_path / "-".join(keys) / str(next(iter(keys.values())))
        place.mkdir(parents=True)
        copy = copy_of(GPT2, place)
        edit(copy, **keys)
        expect_refusal(aero, copy, place, words, code=1)


def test_two_heads_that_differ_are_no_tied_head(aero: str, tmp_path: Path) -> None:
    copy = copy_of(GPT2, tmp_path)
    rewrite(copy, lambda t: t.update({"lm_head.weight": t["transformer.wte.weight"] + 1}))
    expect_refusal(aero, copy, tmp_path, ["lm_head.weight", "tie_word_embeddings"], code=1)


def test_integers_are_no_weights(aero: str, tmp_path: Path) -> None:
    copy = copy_of(GPT2, tmp_path)
    rewrite(copy, lambda t: t.update({"transformer.ln_f.bias": torch.zeros(12).int()}))
    expect_refusal(aero, copy, tmp_path, ["transformer.ln_f.bias", "Int"], code=1)


def test_a_pickle_is_not_loaded(aero: str, tmp_path: Path) -> None:
    copy = copy_of(GPT2, tmp_path)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    words = ["pytorch_model.bin", "pickle", "save_pretrained", "AutoModelForCausalLM"]
    expect_refusal(aero, copy, tmp_path, words, code=2)


def test_a_folder_without_a_model_is_refused(aero: str, tmp_path: Path) -> None:
    expect_refusal(aero, tmp_path / "gpt2", tmp_path, ["no such folder", "hf download"], code=2)
    (tmp_path / "gpt2").mkdir()
    expect_refusal(aero, tmp_path / "gpt2", tmp_path, ["config.json"], code=2)
    (tmp_path / "gpt2" / "config.json").write_text("[1, 2")
    expect_refusal(aero, tmp_path / "gpt2", tmp_path, ["config.json", "damaged"], code=1)
    shutil.copy(GPT2 / "config.json", tmp_path / "gpt2")
    expect_refusal(aero, tmp_path / "gpt2", tmp_path, ["model.safetensors"], code=2)


def small_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the cat sat on the mat, the rat sat, too"] * 9, trainer)
    return tokenizer


def test_a_tokenizer_comes_along_in_both_forms(aero: str, tmp_path: Path) -> None:
    tokenizer = small_tokenizer()
    copy = copy_of(GPT2, tmp_path)
    tokenizer.model.save(str(copy))  # vocab.json and merges.txt
    out = imported(aero, copy, tmp_path / "pair")
    ours = Tokenizer.from_file(str(out / "tokenizer.json"))
    text = "the cat's mat<|endoftext|>  naïve\n"
    assert ours.encode(text).ids == tokenizer.encode(text).ids
    (copy / "merges.txt").unlink()
    expect_refusal(aero, copy, tmp_path, ["vocab.json", "merges.txt"], code=1)
    tokenizer.save(str(copy / "tokenizer.json"))
    out = imported(aero, copy, tmp_path / "one")
    assert (out / "tokenizer.json").read_bytes() == (copy / "tokenizer.json").read_bytes()
    out = imported(aero, copy, tmp_path / "none", "--without-tokenizer")
    assert not (out / "tokenizer.json").exists()


def test_an_imported_model_is_an_ordinary_checkpoint(aero: str, tmp_path: Path) -> None:
    model = imported(aero, NEOX, tmp_path / "model")
    generated = call(aero, "generate", model, "--ids", "1,2,3", "--max-tokens", "4")
    assert generated.returncode == 0, generated.stderr
    settings = json.loads((model / "config.json").read_text())["model"]
    corpus = make_corpus(tmp_path / "corpus")
    settings |= {"vocab_size": 64, "context": 12}
    fresh = make_config(
        tmp_path / "c.json",
        corpus,
        tmp_path / "run",
        model=settings,
        train={"duration": "3", "warm_start": str(model)},
    )
    result = call(aero, "train", fresh)
    assert result.returncode == 0, result.stderr
    assert "begun anew: tokens.weight head.weight\n" in result.stderr, result.stderr
