"""Tests which settings may change when a run resumes (the table of docs/training.md)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import call, make_config, read_metrics


def train(aero: str, config: Path, *options: str) -> tuple[int, str]:
    result = call(aero, "train", config, "-q", "--resume", *options)
    return result.returncode, result.stderr


def sets(*changes: str) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def loss_scale(run: Path, step: int) -> float | None:
    state = json.loads((run / f"checkpoints/step-{step:08d}/state.json").read_text())
    return state["loss_scale"]


@pytest.fixture
def run(aero: str, corpus: Path, tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "run"
    config = make_config(tmp_path / "run.json", corpus, folder, train={"duration": "10"})
    assert train(aero, config)[0] == 0
    return config, folder


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (["seed=4"], ["seed: 4", "3"]),
        (["optimizer.name=adam"], ["optimizer.name", "adamw", "adam"]),
        (["train.batch_size=8"], ["train.batch_size x train.accumulation", "8 x 2", "4 x 2"]),
        (["train.accumulation=1"], ["train.batch_size x train.accumulation", "4 x 1", "4 x 2"]),
        (["model.d_model=32"], ["model"]),
        (["train.duration=9"], ["train.duration", '"9"', "step 10"]),
    ],
)
def test_a_setting_that_the_state_depends_on_is_refused_by_name(
    aero: str, run: tuple[Path, Path], changes: list[str], parts: list[str]
) -> None:
    config, folder = run
    before = (folder / "metrics.jsonl").read_bytes()
    code, message = train(aero, config, *sets("train.duration=20", *changes))
    assert code == 2
    for part in parts:
        assert part in message
    assert (folder / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        ["train.batch_size=8", "train.accumulation=1"],
        ["optimizer.lr=0.0001", "optimizer.weight_decay=0", "optimizer.beta2=0.95"],
        ["schedule.name=cosine", "schedule.warmup=2"],
        ["train.dtype=bfloat16"],
        ["eval.batches=1", "checkpoint.keep_last=5", "log.every=1", "train.clip=0.5"],
    ],
)
def test_state_that_keeps_its_meaning_is_carried_over(
    aero: str, run: tuple[Path, Path], changes: list[str]
) -> None:
    config, folder = run
    code, message = train(aero, config, *sets("train.duration=20", *changes))
    assert code == 0, message
    steps = [line["step"] for line in read_metrics(folder) if "grad_norm" in line]
    assert steps == list(range(1, 21))


def test_the_loss_scale_starts_again_where_float16_does(aero: str, run: tuple[Path, Path]) -> None:
    config, folder = run
    assert loss_scale(folder, 10) is None
    for duration, dtype, scale in (
        (20, "float16", 65536),
        (30, "bfloat16", None),
        (40, "float16", 65536),
    ):
        changes = sets(f"train.duration={duration}", f"train.dtype={dtype}")
        assert train(aero, config, *changes)[0] == 0
        assert loss_scale(folder, duration) == scale


def test_the_best_loss_starts_again_where_evaluations_have_other_contexts(
    aero: str, run: tuple[Path, Path]
) -> None:
    config, folder = run
    best = folder / "checkpoints/best"
    state = folder / "checkpoints" / best.read_text().strip() / "state.json"
    content = json.loads(state.read_text())
    content["eval_loss"] = 1e-6  # no later loss is below it
    del content["state_crc32"]
    state.write_text(json.dumps(content))
    assert train(aero, config, *sets("train.duration=20"))[0] == 0
    assert best.read_text() == "step-00000010\n"
    assert train(aero, config, *sets("train.duration=30", "eval.batches=1"))[0] == 0
    assert best.read_text() == "step-00000030\n"


def test_seeds_that_differ_above_32_bits_train_other_models(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    weights = []
    for seed in (5, 5 + 2**32, 5 + 2**33):
        folder = tmp_path / f"seed-{seed}"
        config = make_config(tmp_path / f"{seed}.json", corpus, folder, train={"duration": "1"})
        changes = sets(f"seed={seed}", "checkpoint.at_start=true")
        assert train(aero, config, *changes)[0] == 0
        weights.append((folder / "checkpoints/step-00000000/weights.safetensors").read_bytes())
    assert len(set(weights)) == 3


def test_a_run_of_more_tokens_than_can_be_counted_is_refused(
    aero: str, corpus: Path, tmp_path: Path
) -> None:
    config = make_config(tmp_path / "run.json", corpus, tmp_path / "run")
    code, message = train(
        aero, config, *sets("train.duration=9000000000000000", "train.accumulation=100")
    )
    assert code == 2
    for part in ("train.duration", "train.batch_size", "train.accumulation", "model.context"):
        assert part in message
    assert not (tmp_path / "run").exists()
