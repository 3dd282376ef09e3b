"""Tests compare_pytorch.py on a small run folder, whose figures come from a loop in this file."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from aero.commands import compare_pytorch
from aero.config.model import ModelConfig
from aero.reference.decoder import Decoder
from aero.reference.tokens import permute, write_token_file

CONTEXT, BATCH, ACCUMULATION, STEPS = 8, 4, 2, 12
MODEL = {"family": "gpt2", "n_layer": 1, "n_head": 2, "d_model": 16, "d_ffn": 0}
MODEL |= {"context": CONTEXT, "vocab_size": 23, "architecture": "SM+LN+G", "init_std": 0.02}
# EReg's rows are summed: the loop below takes one sample at a time, and their penalties add up.
REMEDIES = {"norm": "none", "activation": "none", "ffn_form": "weight_norm", "temperature": "exp"}
REMEDIES |= {"ffn_scaled": True, "ffn_fused": True}
REMEDIES |= {"ereg": {"enabled": True, "lambda": 0.05, "gamma": 0.1, "reduction": "row_sum"}}


def config(corpus: Path, model: dict[str, Any]) -> dict[str, Any]:
    decay = {"matrices": True, "embeddings": True, "norms": False, "biases": False, "slopes": False}
    return {
        "seed": 7,
        "model": model | {"dropout": {"embedding": 0.0, "attention": 0.0, "residual": 0.0}},
        "data": {"path": str(corpus)},
        "train": {
            "duration": str(STEPS),
            "batch_size": BATCH,
            "accumulation": ACCUMULATION,
            "dtype": "float32",
            "threads": 1,
            "clip": 1.0,
        },
        "optimizer": {
            "name": "adamw",
            "lr": 1e-2,
            "beta1": 0.9,
            "beta2": 0.99,
            "eps": 1e-8,
            "weight_decay": 0.1,
            "decay": decay,
        },
        "schedule": {"name": "linear", "warmup": "25%", "final_lr": 0.0},
        "eval": {"every": "0", "batches": 0, "batch_size": 0},
    }


def tokens(count: int, seed: int) -> np.ndarray:
    """Makes a walk that goes up by one or two, so that there is something to learn."""
    return np.cumsum(np.random.default_rng(seed).integers(1, 3, count)) % 23


def trained_by_hand(
    model: Decoder, train: np.ndarray, val: np.ndarray
) -> tuple[list[float], float]:
    """Returns the losses of the steps, and the perplexity after them."""
    samples = (len(train) - 1) // CONTEXT
    decayed = [p for n, p in model.named_parameters() if n.endswith("weight") and p.dim() == 2]
    others = [p for n, p in model.named_parameters() if not (n.endswith("weight") and p.dim() == 2)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        betas=(0.9, 0.99),
    )

    def loss_of(stream: np.ndarray, sample: int) -> torch.Tensor:
        cut = torch.from_numpy(stream[sample * CONTEXT : (sample + 1) * CONTEXT + 1])
        return functional.cross_entropy(model(cut[None, :-1])[0], cut[1:])

    def penalty_of(stream: np.ndarray, sample: int) -> torch.Tensor | float:
        if not model.config.ereg.enabled:
            return 0.0
        cut = torch.from_numpy(stream[sample * CONTEXT : (sample + 1) * CONTEXT])
        return model.penalty(model.forward_with_entropy(cut[None])[1])

    losses = []
    for step in range(STEPS):
        rate = 1e-2 * (step + 1) / 3 if step < 3 else 1e-2 * (1 - (step - 3) / 9)
        for group in optimizer.param_groups:
            group["lr"] = rate
        places = range(step * BATCH * ACCUMULATION, (step + 1) * BATCH * ACCUMULATION)
        chosen = [
            int(permute(np.array([g % samples]), samples, 7, g // samples)[0]) for g in places
        ]
        loss = torch.stack([loss_of(train, sample) for sample in chosen]).mean()
        penalty = sum(penalty_of(train, sample) for sample in chosen) / ACCUMULATION
        optimizer.zero_grad()
        (loss + penalty).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        held_out = [loss_of(val, k).item() for k in range((len(val) - 1) // CONTEXT)]
    return losses, math.exp(sum(held_out) / len(held_out))


@pytest.fixture(scope="module", params=[{}, REMEDIES], ids=["plain", "remedies"])
def finished_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes a run of more than one epoch, which a loop of this file has trained."""
    folder = tmp_path_factory.mktemp("run")
    corpus = folder / "corpus"
    corpus.mkdir()
    train, val = tokens(50 * CONTEXT + 1, seed=1), tokens(10 * CONTEXT + 3, seed=2)
    write_token_file(corpus / "train.bin", train, vocab_size=23)
    write_token_file(corpus / "val.bin", val, vocab_size=23)
    splits = {"train": [{"file": "train.bin"}], "val": [{"file": "val.bin"}]}
    (corpus / "manifest.json").write_text(json.dumps({"splits": splits}))
    (folder / "config.json").write_text(json.dumps(config(corpus, MODEL | request.param)))

    torch.manual_seed(0)
    model = Decoder(ModelConfig.from_dict(MODEL | request.param))
    for name, parameter in model.named_parameters():
        if name.endswith("weight") and parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.1)
    start = folder / "checkpoints" / "step-00000000"
    start.mkdir(parents=True)
    save_file(model.state_dict(), start / "weights.safetensors")
    losses, perplexity = trained_by_hand(model, train, val)
    lines: list[dict[str, object]] = [
        {"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)
    ]
    lines.append({"event": "evaluation", "step": STEPS, "perplexity": perplexity})
    write_metrics(folder, lines)
    return folder


def write_metrics(folder: Path, lines: list[dict[str, object]]) -> None:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_faithful_run_is_confirmed(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.json")
    assert compare_pytorch.main([str(finished_run), "--out", out]) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["pytorch_perplexity"] == pytest.approx(report["aero_perplexity"], rel=1e-3)
    assert report["pytorch_perplexity"] < 21  # 23 tokens, none learned: 23
    assert [row["step"] for row in report["losses"]] == list(range(1, 11))
    for row in report["losses"]:
        assert row["pytorch"] == pytest.approx(row["aero"], rel=1e-3)
    assert f"| PyTorch | {report['pytorch_perplexity']:.4f} |" in capsys.readouterr().out


def test_a_run_whose_perplexity_is_off_is_refused(finished_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("config.json", "checkpoints"):
        (copy / name).symlink_to(finished_run / name)
    lines = [json.loads(t) for t in (finished_run / "metrics.jsonl").read_text().splitlines()]
    lines[-1]["perplexity"] *= 1.03
    write_metrics(copy, lines)
    assert compare_pytorch.main([str(copy)]) == 1
    assert compare_pytorch.main([str(copy), "--tolerance", "0.04"]) == 0


def linked(run: Path, to: Path, *names: str) -> Path:
    for name in names:
        (to / name).symlink_to(run / name)
    return to


def test_a_run_without_its_initial_weights_says_how_to_keep_them(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = linked(finished_run, tmp_path, "config.json", "metrics.jsonl")
    assert compare_pytorch.main([str(run)]) == 2
    assert "checkpoint.at_start=true" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"event": "nonfinite", "step": 3}, "a value was not finite at step 3"),
        (
            {"event": "evaluation", "step": STEPS, "loss": None},
            "of step 12 is not finite",
        ),
        (
            {"event": "evaluation", "step": 6, "loss": 2.0},
            "is of step 6 of 12: the run has",
        ),
    ],
)
def test_a_run_that_did_not_end_well_is_not_compared(
    line: dict[str, Any],
    message: str,
    finished_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = linked(finished_run, tmp_path, "config.json", "checkpoints")
    write_metrics(run, [{"step": 1, "loss": None}, line])
    assert compare_pytorch.main([str(run)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["nanogpt", "llmc"])
def test_corpora_of_other_programs_train_as_the_same_tokens_do(
    kind: str, finished_run: Path, tmp_path: Path
) -> None:
    header = np.zeros(256, "<i4")
    for name, number, count in (("train", 1, 50 * CONTEXT + 1), ("val", 2, 10 * CONTEXT + 3)):
        data = tokens(count, seed=number).astype("<u2").tobytes()
        header[:3] = 20240520, 1, count
        file = f"{name}.bin" if kind == "nanogpt" else f"fineweb_{name}_000000.bin"
        (tmp_path / file).write_bytes((b"" if kind == "nanogpt" else header.tobytes()) + data)
    assert compare_pytorch.main([str(finished_run), "--data", str(tmp_path)]) == 0


def test_tokens_beyond_the_vocabulary_are_reported_with_their_file(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "val"):
        np.arange(50 * CONTEXT, dtype="<u2").tofile(tmp_path / f"{name}.bin")
    assert compare_pytorch.main([str(finished_run), "--data", str(tmp_path)]) == 2
    assert "train.bin: token 399 is beyond the model's vocabulary of 23" in capsys.readouterr().err


def test_a_corpus_of_another_tokenizer_is_refused(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.json", "metrics.jsonl", "checkpoints"):
        (run / name).symlink_to(finished_run / name)
    corpus = tmp_path / "corpus"
    shutil.copytree(finished_run / "corpus", corpus)
    digest = hashlib.sha256(b"the corpus's tokenizer").digest()
    for name in ("train.bin", "val.bin"):
        content = (corpus / name).read_bytes()
        (corpus / name).write_bytes(content[:40] + digest + content[72:])
    arguments = [str(run), "--data", str(corpus)]
    assert compare_pytorch.main(arguments) == 0  # the run does not say which it has
    (run / "tokenizer.json").write_bytes(b"another tokenizer")
    capsys.readouterr()
    assert compare_pytorch.main(arguments) == 2
    said = capsys.readouterr().err
    assert str(run) in said and str(corpus) in said and digest.hex()[:12] in said
    (run / "tokenizer.json").write_bytes(b"the corpus's tokenizer")
    assert compare_pytorch.main(arguments) == 0


def test_weights_of_another_model_are_reported(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = linked(finished_run, tmp_path, "metrics.jsonl", "checkpoints")
    changed = json.loads((finished_run / "config.json").read_text())
    changed["model"]["d_model"] = 32
    (run / "config.json").write_text(json.dumps(changed))
    assert compare_pytorch.main([str(run)]) == 2
    assert "and in the PyTorch model of" in capsys.readouterr().err


def test_the_error_names_what_a_run_without_its_config_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metrics.jsonl").write_text("")
    assert compare_pytorch.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/config.json: no such file, but `aero train` writes one; give the whole "
        "folder of a run\n"
    )
