"""Tests eval, generate, inspect, report, config and doctor on a small trained run."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from program import CONTEXT, VOCABULARY, call, make_config
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    config = make_config(folder / "run.json", corpus, folder / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    return folder / "run"


def test_eval_prints_the_loss_of_the_last_evaluation(aero: str, run: Path) -> None:
    start = time.monotonic()
    result = json.loads(call(aero, "eval", run, "--json").stdout)
    assert 0 < result["seconds"] < time.monotonic() - start
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    evaluations = [line for line in lines if line.get("event") == "evaluation"]
    best = min(evaluations, key=lambda line: line["loss"])
    assert result["loss"] == pytest.approx(best["loss"], rel=1e-6)
    assert result["perplexity"] == pytest.approx(math.exp(best["loss"]), rel=1e-6)
    assert result["tokens"] == 592


def test_eval_with_a_stride_scores_more_tokens_with_more_context(aero: str, run: Path) -> None:
    result = json.loads(call(aero, "eval", run, "--stride", "4", "--json").stdout)
    # There are (600 - 1 - 16) / 4 whole strides after the first window of 16.
    assert result["tokens"] == CONTEXT + 4 * ((600 - 1 - CONTEXT) // 4)


def test_an_evaluation_of_a_part_of_the_split_says_so(
    aero: str, corpus: Path, run: Path, tmp_path: Path
) -> None:
    whole = call(aero, "eval", run)
    assert "first" not in whole.stdout
    part = call(aero, "eval", run, "--batches", "3", "--batch-size", "2")
    assert "the first 6 of 37 contexts (--batches)" in part.stdout
    json_part = json.loads(call(aero, "eval", run, "--batches", "3", "--json").stdout)
    assert (json_part["contexts"], json_part["split_contexts"]) == (12, 37)
    strided = json.loads(call(aero, "eval", run, "--stride", "4", "--json").stdout)
    assert strided["contexts"] == strided["split_contexts"] == (600 - 1 - CONTEXT) // 4 + 1

    config = make_config(tmp_path / "run.json", corpus, tmp_path / "run")
    for batches, is_part in ((2, True), (100, False), (0, False)):
        folder = tmp_path / f"run-{batches}"
        trained = call(
            aero, "train", config, "--set", f"run.folder={folder}", "--set", "train.duration=10",
            "--set", f"eval.batches={batches}",
        )  # fmt: skip
        assert trained.returncode == 0, trained.stderr
        assert ("(first 8 contexts of the split)" in trained.stderr) == is_part
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        evaluation = next(line for line in lines if line.get("event") == "evaluation")
        assert evaluation["part"] is is_part
        assert evaluation["contexts"] == (8 if is_part else 37)
        assert ("eval.batches" in call(aero, "inspect", folder).stdout) == (batches > 0)


def test_the_bins_of_entropy_say_where_they_end(aero: str, run: Path) -> None:
    heads = json.loads(call(aero, "inspect", run, "--entropy", "--json").stdout)["entropy"]
    printed = call(aero, "inspect", run, "--entropy").stdout
    largest = max(mean for layer in heads for mean in layer)
    assert f"the largest mean of a head: {largest:.4g}" in printed


def test_generate_draws_the_same_tokens_with_and_without_the_cache(aero: str, run: Path) -> None:
    texts = []
    for flags in ([], ["--no-cache"], ["--seed", "9"]):
        result = call(aero, "generate", run, "--ids", "1,2,3", "--max-tokens", "40", *flags)
        assert result.returncode == 0
        tokens = [int(word) for word in result.stdout.split()]
        assert len(tokens) == 40 and all(0 <= token < VOCABULARY for token in tokens)
        texts.append(tokens)
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_generate_refuses_ids_that_are_not_tokens(aero: str, run: Path) -> None:
    for ids in ("1,two", str(VOCABULARY), "-1"):
        result = call(aero, "generate", run, f"--ids={ids}")
        assert result.returncode == 2
        assert "token id" in result.stderr


def test_generate_says_that_there_is_no_tokenizer(aero: str, run: Path) -> None:
    result = call(aero, "generate", run, "--prompt", "x")
    assert result.returncode == 2 and "--tokenizer" in result.stderr


def test_inspect_writes_logits_losses_entropies_and_gradients(
    aero: str, run: Path, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("1 2 3 4 5\n9 8 7 6 5\n")
    out = tmp_path / "out.safetensors"
    flags = ["--dtype", "float64", "--gradients", "--out", out]
    assert call(aero, "inspect", run, "--logits", tokens, *flags).returncode == 0
    tensors = load_file(out)
    logits = tensors["logits"]
    assert logits.shape == (2, 5, VOCABULARY) and logits.dtype == np.float64
    logsumexp = np.log(np.exp(logits).sum(-1))
    ids = np.array([[1, 2, 3, 4, 5], [9, 8, 7, 6, 5]])
    picked = np.take_along_axis(logits[:, :-1], ids[:, 1:, None], -1)[..., 0]
    np.testing.assert_allclose(tensors["loss"], logsumexp[:, :-1] - picked, rtol=1e-12)
    assert tensors["row_entropy"].shape == (2, 2, 2, 5)
    # The first row sees one key, the second two.
    assert np.all(tensors["row_entropy"][..., 0] == 0)
    assert np.all(tensors["row_entropy"][..., 1] <= math.log(2) + 1e-6)
    np.testing.assert_allclose(tensors["entropy"], tensors["row_entropy"].mean((1, 3)), rtol=1e-6)
    weights = load_file(run / "checkpoints/step-00000060/weights.safetensors")
    assert {name[5:] for name in tensors if name.startswith("grad/")} == set(weights)


def test_inspect_lists_the_contents_of_a_checkpoint(aero: str, run: Path) -> None:
    result = json.loads(call(aero, "inspect", run, "--json").stdout)
    assert result["step"] == 60 and result["architecture"] == "SM+LN+G"
    weights = load_file(Path(result["checkpoint"]) / "weights.safetensors")
    assert {tensor["name"] for tensor in result["tensors"]} == set(weights)
    assert result["parameters"] == sum(weight.size for weight in weights.values())
    for tensor in result["tensors"]:
        assert tensor["mean"] == pytest.approx(float(weights[tensor["name"]].mean()), abs=1e-6)


def test_weights_and_config_alone_can_be_evaluated(aero: str, run: Path, tmp_path: Path) -> None:
    source = run / "checkpoints/step-00000060"
    for name in ("weights.safetensors", "config.json"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    assert call(aero, "eval", tmp_path).returncode == 0
    assert call(aero, "inspect", tmp_path).returncode == 0


def test_report_prints_the_numbers_of_the_papers(aero: str) -> None:
    for name, parameters in (("SM+LN+G", 124_177_920), ("SM+R", 124_141_056)):
        report = json.loads(call(aero, "report", "--arch", name, "--json").stdout)
        assert report["parameters"]["total"] == parameters
        assert report["model"]["architecture"] == name
    assert report["operations"]["softmax"] == [144, 128, 128]
    assert "layernorm" not in report["operations"]


def test_report_reads_configs_and_runs(aero: str, run: Path) -> None:
    of_run = json.loads(call(aero, "report", run, "--json").stdout)
    of_file = json.loads(call(aero, "report", run / "config.json", "--json").stdout)
    assert of_run == of_file == json.loads((run / "report.json").read_text())
    assert call(aero, "report", run).stdout == (run / "report.md").read_text()
    assert call(aero, "report", run, "--format", "csv").stdout.count("\n") > 10


def test_config_prints_the_documents_of_this_repository(aero: str) -> None:
    schema = (ROOT / "configs/schema.json").read_text()
    assert call(aero, "config", "schema").stdout == schema
    assert call(aero, "config", "docs").stdout == (ROOT / "docs/config.md").read_text()


def test_config_shows_the_effective_config(aero: str) -> None:
    shown = call(aero, "config", "show", ROOT / "configs/gpt2-18l.json", "--set", "seed=5")
    config = json.loads(shown.stdout)
    assert config["seed"] == 5
    assert config["model"]["n_layer"] == 18 and config["train"]["accumulation"] == 4


def test_doctor_and_version_answer(aero: str) -> None:
    assert call(aero, "--version").stdout.startswith("aero ")
    printed = call(aero, "doctor").stdout
    for word in ("LibTorch", "threads", "bf16", "CUDA", "NCCL", "GFLOP/s", "memory", "disk"):
        assert word in printed


def test_help_leads_to_the_keys_of_the_config(aero: str) -> None:
    assert "aero config help" in call(aero, "train", "--help").stdout
    printed = call(aero, "config", "help").stdout
    assert "model.n_layer" in printed and "schedule.warmup" in printed
