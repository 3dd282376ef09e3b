#!/usr/bin/env python3
"""Trains a finished AERO run again with a plain PyTorch loop and compares held-out perplexity.

The loop takes the run's initial weights (train with --set checkpoint.at_start=true), tokens, order
and recipe, and nothing of AERO's code. Exit status 1 where the perplexities differ by more than
--tolerance.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

from aero_reference.config import ModelConfig
from aero_reference.decoder import Decoder, token_loss
from aero_reference.tokens import IGNORED, Split
from aero_reference.training import DECAYED, duration_steps, learning_rate, make_optimizer

FIRST_LOSSES = 10


@dataclass(frozen=True)
class Run:
    """What a run folder says."""

    folder: Path
    config: dict[str, Any]
    losses: dict[int, float]  # by 1-based step
    perplexity: float  # the last one on the validation split


def read_run(folder: Path) -> Run:
    """Exits with a message where the folder lacks something."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    losses, evaluations = {}, []
    for text in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "event" not in line:
            losses[int(line["step"])] = float(line["loss"])
        elif str(line["event"]).startswith("eval"):
            evaluations.append(line)
    if not evaluations:
        sys.exit(f"{folder}/metrics.jsonl: no evaluation; has the run finished?")
    last = evaluations[-1]
    perplexity = last["perplexity"] if "perplexity" in last else math.exp(last["loss"])
    return Run(folder, config, losses, float(perplexity))


class Trainer:
    """A plain PyTorch loop on the CPU, set up as a run's config says."""

    def __init__(self, run: Run, data: Path | None) -> None:
        config = run.config
        self.train: dict[str, Any] = config["train"]
        self.eval: dict[str, Any] = config["eval"]
        self.schedule: dict[str, Any] = config["schedule"]
        self.optimizer_section: dict[str, Any] = config["optimizer"]
        self.seed = int(config["seed"])
        if any(float(rate) > 0 for rate in config["model"].get("dropout", {}).values()):
            sys.exit("the run has dropout, whose random numbers differ: nothing to compare")
        if self.train["dtype"] not in ("float32", "bfloat16"):
            sys.exit(f"train.dtype {self.train['dtype']!r} does not run on a CPU")
        if int(self.train["threads"]) > 0:
            torch.set_num_threads(int(self.train["threads"]))

        model_config = ModelConfig.from_dict(config["model"])
        corpus = data or Path(config["data"]["path"])
        self.training = Split(corpus, "train", model_config.context)
        self.validation = Split(corpus, "val", model_config.context)
        self.model = Decoder(model_config, fused_attention=True)
        self.model.load_state_dict(load_file(initial_weights(run.folder)))
        decay = DECAYED | self.optimizer_section["decay"]
        self.optimizer = make_optimizer(self.model, self.optimizer_section, decay)

        self.batch_size = int(self.train["batch_size"])
        self.accumulation = int(self.train["accumulation"])
        sequences = self.batch_size * self.accumulation
        length = (sequences * model_config.context, self.training.size / sequences)
        self.steps = duration_steps(self.train["duration"], *length)
        self.warmup = duration_steps(self.schedule["warmup"], *length, total_steps=self.steps)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.train["dtype"] == "bfloat16":
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def step(self, number: int) -> float:
        """One optimizer step; the mean cross-entropy of its micro-batches, in nats."""
        rate = learning_rate(
            number,
            self.schedule["name"],
            float(self.optimizer_section["lr"]),
            float(self.schedule["final_lr"]),
            self.warmup,
            self.steps,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        self.model.set_progress(number / self.steps)
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for micro in range(self.accumulation):
            first = (number * self.accumulation + micro) * self.batch_size
            indices = self.training.training_indices(first, self.batch_size, self.seed)
            inputs, targets = map(torch.from_numpy, self.training.batch(indices))
            with self.autocast():
                loss, penalty = self.model.training_loss(inputs, targets)
            ((loss + penalty) / self.accumulation).backward()
            total += loss.item() / self.accumulation
        if float(self.train["clip"]) > 0:
            nn.utils.clip_grad_norm_(self.model.parameters(), float(self.train["clip"]))
        self.optimizer.step()
        return total

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean cross-entropy over the samples in order, in nats."""
        self.model.eval()
        batch_size = int(self.eval["batch_size"]) or self.batch_size
        end = self.validation.size
        if int(self.eval["batches"]) > 0:
            end = min(end, int(self.eval["batches"]) * batch_size)
        total, count = 0.0, 0
        for first in tqdm(range(0, end, batch_size), "evaluating", unit="batch", disable=None):
            samples = range(first, min(first + batch_size, end))
            inputs, targets = map(torch.from_numpy, self.validation.batch(samples))
            with self.autocast():
                logits = self.model(inputs)
            total += token_loss(logits, targets, reduction="sum").item()
            count += int((targets != IGNORED).sum())
        return total / count


def initial_weights(folder: Path) -> Path:
    """Exits with a message where the run did not keep them."""
    path = folder / "checkpoints" / "step-00000000" / "weights.safetensors"
    if not path.is_file():
        sys.exit(f"{path} is missing: train again with --set checkpoint.at_start=true")
    return path


def markdown(report: dict[str, Any]) -> str:
    """The report as two tables."""
    lines = [
        "| | held-out perplexity |",
        "|---|---|",
        f"| AERO | {report['aero_perplexity']:.4f} |",
        f"| PyTorch | {report['pytorch_perplexity']:.4f} |",
        f"| AERO's is higher by | {report['relative_difference']:+.3%} |",
        "",
        "| step | loss, AERO | loss, PyTorch |",
        "|---|---|---|",
    ]
    for row in report["losses"]:
        lines.append(f"| {row['step']} | {row['aero']:.6f} | {row['pytorch']:.6f} |")
    return "\n".join(lines)


def main(command_line: list[str] | None = None) -> int:
    """Exit status 1 where the perplexities differ by more than the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--data", type=Path, help="the corpus, where data.path does not lead to it")
    parser.add_argument("--tolerance", type=float, default=0.02, help="relative (default: 0.02)")
    parser.add_argument("--out", type=Path, help="also write the comparison here, as JSON")
    arguments = parser.parse_args(command_line)

    run = read_run(arguments.run)
    trainer = Trainer(run, arguments.data)
    losses: list[float] = []
    progress = tqdm(range(trainer.steps), "training", unit="step", disable=None)
    for number in progress:
        losses.append(trainer.step(number))
        progress.set_postfix(loss=f"{losses[-1]:.4f}")
    perplexity = math.exp(trainer.validation_loss())

    difference = run.perplexity / perplexity - 1
    logged = [step for step in sorted(run.losses) if 1 <= step <= len(losses)][:FIRST_LOSSES]
    report = {
        "run": str(arguments.run),
        "steps": trainer.steps,
        "aero_perplexity": run.perplexity,
        "pytorch_perplexity": perplexity,
        "relative_difference": difference,
        "tolerance": arguments.tolerance,
        "losses": [
            {"step": step, "aero": run.losses[step], "pytorch": losses[step - 1]} for step in logged
        ],
    }
    print(markdown(report))
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if abs(difference) <= arguments.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
