"""Tests models that `aero export` writes with code of their own, in transformers.

They are the models of tests/golden, whose logits the reference decoder or transformers computed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from program import call
from safetensors import safe_open
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path.name.split(".")[0] for path in (ROOT / "tests/golden").glob("*.float64.*"))
CODE = ROOT / "src" / "exchange" / "transformers"
OWN = [
    *("authors_relu", "leaky_model", "fused_pruned", "pythia_forms", "temperature_softplus"),
    *("pythia_ereg", "simplified_parallel", "simplified_ereg", "two_quad_quadratic"),
    *("pythia_two_quad", "relu_attention", "temperature_head", "norm_fixed_half", "rmsnorm"),
]


def exported(aero: str, case: str, place: Path, dtype: str = "float64") -> Path:
    """Makes a checkpoint of a case's first weights, and exports it."""
    file = ROOT / "tests" / "golden" / f"{case}.float64.safetensors"
    with safe_open(file, framework="pt") as golden:
        model = json.loads(golden.metadata()["config"])
    weights = {k[5:]: v for k, v in load_file(file).items() if k.startswith("init/")}
    run, out = place / "run", place / f"out-{dtype}"
    run.mkdir(exist_ok=True)
    (run / "config.json").write_text(json.dumps({"model": model}))
    save_file(weights, run / "weights.safetensors")
    result = call(aero, "export", run, "--out", out, "--dtype", dtype)
    assert result.returncode == 0, result.stderr
    return out


@pytest.mark.parametrize("case", ["authors_relu", "simplified_ereg"])
def test_the_code_and_the_weights_come_along(aero: str, case: str, tmp_path: Path) -> None:
    out = exported(aero, case, tmp_path)
    config = json.loads((out / "config.json").read_text())
    assert config["auto_map"]["AutoModelForCausalLM"] == "modeling_aero.AeroForCausalLM"
    for name in ("configuration_aero.py", "modeling_aero.py"):
        assert (out / name).read_bytes() == (CODE / name).read_bytes()
    ours = load_file(tmp_path / "run" / "weights.safetensors")
    theirs = load_file(out / "model.safetensors")
    assert ours.keys() - theirs.keys() <= {"thresholds"}
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Returns a function that has transformers load a folder."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_MODULES_CACHE"] = str(tmp_path_factory.mktemp("modules"))
    transformers = pytest.importorskip("transformers")

    def loaded(folder: Path, dtype: torch.dtype) -> Any:
        model, faults = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, trust_remote_code=True, output_loading_info=True
        )
        assert not any(faults.values()), faults
        if model.config.model_type == "gpt_neox":
            model.set_attn_implementation("sdpa")  # eager takes its softmax in float32
        return model.eval()

    return loaded


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_logits_are_those_of_the_reference(
    aero: str, case: str, tmp_path: Path, load: Any
) -> None:
    golden = load_file(ROOT / "tests" / "golden" / f"{case}.float64.safetensors")
    expected, tokens = golden["logits"], golden["batches"][0][:, :-1]
    folder = exported(aero, case, tmp_path)
    for dtype, bound in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        with torch.no_grad():
            logits = load(folder, dtype)(tokens).logits
        error = (logits - expected).abs().max() / expected.abs().max()
        assert error <= bound, (dtype, error)


def greedy(model: Any, tokens: torch.Tensor, count: int) -> list[int]:
    """Continues one text without a cache."""
    for _ in range(count):
        with torch.no_grad():
            logits = model(tokens, use_cache=False).logits
        tokens = torch.cat((tokens, logits[:, -1:].argmax(-1)), dim=1)
    return tokens[0, -count:].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("case", OWN)
def test_generation_with_cache_and_left_padding(
    aero: str, case: str, tmp_path: Path, load: Any
) -> None:
    model = load(exported(aero, case, tmp_path), torch.float64)
    vocabulary = model.config.vocab_size
    texts = [[3, 1, 4, 1, 5, 9, 2], [6, 5, 3], [5]]
    longest = max(map(len, texts))
    padded = torch.tensor([[0] * (longest - len(text)) + text for text in texts]) % vocabulary
    mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts])
    together = model.generate(
        padded, attention_mask=mask, max_new_tokens=6, do_sample=False, pad_token_id=0
    )
    for row, text in zip(together, texts, strict=True):
        assert row[longest:].tolist() == greedy(model, torch.tensor([text]), 6)


@pytest.mark.slow
@pytest.mark.parametrize("case", OWN)
def test_it_runs_in_bfloat16_trains_and_is_saved(
    aero: str, case: str, tmp_path: Path, load: Any
) -> None:
    folder = exported(aero, case, tmp_path, "bfloat16")
    model = load(folder, torch.bfloat16)
    tokens = torch.randint(model.config.vocab_size, (2, 9))
    output = model(tokens, labels=tokens)
    assert output.logits.dtype == torch.bfloat16 and output.logits.isfinite().all()
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.save_pretrained(tmp_path / "again")
    again = load(tmp_path / "again", torch.bfloat16)
    assert torch.equal(again(tokens).logits, output.logits)
