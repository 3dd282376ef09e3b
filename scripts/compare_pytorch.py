#!/usr/bin/env python3
r"""Trains a finished AERO run again with a plain PyTorch loop and compares held-out perplexity.

The loop takes the run's initial weights (train with --set checkpoint.at_start=true), tokens, order
and recipe, and nothing of AERO's code. Exit status 1 where the perplexities differ by more than
--tolerance.

Example:
  build/release/bin/aero train configs/quickstart.json --set checkpoint.at_start=true \
      --set run.folder=runs/checked
  scripts/compare_pytorch.py runs/checked --out runs/checked/pytorch.json
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # noqa: F401  (before all else)

# isort: split
import argparse
import contextlib
import hashlib
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn
    from tqdm import tqdm

    from aero.checkpoint.kinds import CONFIG, METRICS, wrong_kind
    from aero.checkpoint.run_folder import read_lines
    from aero.config.model import ModelConfig, OwnPartsError
    from aero.core.command import run_command
    from aero.core.errors import AeroError, UsageError
    from aero.core.files import require_writable, write_text
    from aero.core.jsonc import load_object
    from aero.core.options import Parser, real
    from aero.core.records import Record
    from aero.reference.decoder import Decoder, token_loss
    from aero.reference.tokens import IGNORED, CorpusError, Split
    from aero.reference.training import DECAYED, duration_steps, learning_rate, make_optimizer
except ModuleNotFoundError as error:
    sys.exit(
        f"error: the Python package {error.name} is missing; run this with build/venv/bin/python, "
        "which scripts/setup.sh makes"
    )

FIRST_LOSSES = 10
SECTIONS = ("model", "data", "train", "optimizer", "schedule", "eval")


@dataclass(frozen=True)
class Run:
    """What a run folder says."""

    folder: Path
    config: dict[str, Any]
    losses: dict[int, float]  # by 1-based step
    perplexity: float  # the last one on the validation split
    evaluated: int  # after this step


def read_config(folder: Path) -> dict[str, Any]:
    """With every section that the loop needs."""
    file = folder / CONFIG
    if (folder / METRICS).is_file() and not file.is_file():
        raise UsageError(
            f"{file}: no such file, but `aero train` writes one; give the whole folder of a run"
        )
    if not file.is_file() or not (folder / METRICS).is_file():
        raise wrong_kind(folder, "the folder of a finished run")
    config = load_object(file)
    for section in SECTIONS:
        if not isinstance(config.get(section), dict):
            raise UsageError(f'{file}: no section "{section}"; is it the config of an AERO run?')
    return config


def _perplexity(line: Record) -> float:
    """NaN where it was not finite."""
    if "perplexity" in line:
        return line.number("perplexity")
    loss = line.number("loss", math.nan)
    return math.exp(loss) if loss < 700 else math.inf


def read_run(folder: Path) -> Run:
    """Raises AeroError where the folder lacks something, or the run is not one to compare."""
    config = read_config(folder)
    losses: dict[int, float] = {}
    evaluations: list[tuple[int, float]] = []

    def take(line: Record) -> None:
        event, step = line.text("event", ""), line.integer("step")
        if not event:
            losses[step] = line.number("loss", math.nan)
        elif event == "evaluation":
            evaluations.append((step, _perplexity(line)))
        elif event == "nonfinite":
            raise UsageError(
                f"{folder / METRICS}: a value was not finite at step {step}: the run is not one "
                "to compare"
            )

    read_lines(folder, take)
    if not evaluations:
        raise UsageError(f"{folder / METRICS}: no evaluation; has the run finished?")
    step, perplexity = evaluations[-1]
    if not math.isfinite(perplexity):
        raise UsageError(
            f"{folder / METRICS}: the perplexity of step {step} is not finite: nothing to compare"
        )
    return Run(folder, config, losses, perplexity, step)


class Trainer:
    """A plain PyTorch loop on the CPU, set up as a run's config says."""

    def __init__(self, run: Run, data: Path | None) -> None:
        config = run.config
        file = run.folder / CONFIG
        self.train: dict[str, Any] = config["train"]
        self.eval: dict[str, Any] = config["eval"]
        self.schedule: dict[str, Any] = config["schedule"]
        self.optimizer_section: dict[str, Any] = config["optimizer"]
        self.seed = int(config["seed"])
        if any(float(rate) > 0 for rate in config["model"].get("dropout", {}).values()):
            raise UsageError(
                f"{file}: the run has dropout, whose random numbers differ: nothing to compare"
            )
        if self.train["dtype"] not in ("float32", "bfloat16"):
            raise UsageError(f"{file}: train.dtype {self.train['dtype']} does not run on a CPU")
        if int(self.train["threads"]) > 0:
            torch.set_num_threads(int(self.train["threads"]))

        try:
            model_config = ModelConfig.from_dict(config["model"])
        except OwnPartsError as error:
            raise UsageError(f"{file}: {error}; the reference has AERO's alone") from error
        corpus = data or Path(config["data"]["path"])
        kind = config["data"].get("format", "auto")
        self.training = open_split(corpus, "train", model_config, kind)
        require_tokenizer_of(run.folder, corpus, self.training)
        self.validation = open_split(corpus, "val", model_config, kind)
        self.model = Decoder(model_config, fused_attention=True)
        load_initial_weights(self.model, run.folder)
        decay = DECAYED | self.optimizer_section["decay"]
        self.optimizer = make_optimizer(self.model, self.optimizer_section, decay)

        self.batch_size = int(self.train["batch_size"])
        self.accumulation = int(self.train["accumulation"])
        sequences = self.batch_size * self.accumulation
        length = (sequences * model_config.context, self.training.size / sequences)
        self.steps = duration_steps(self.train["duration"], *length)
        self.warmup = duration_steps(self.schedule["warmup"], *length, total_steps=self.steps)
        if run.evaluated < self.steps:
            raise UsageError(
                f"{run.folder / METRICS}: the last evaluation is of step {run.evaluated} of "
                f"{self.steps}: the run has not finished"
            )

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


def open_split(corpus: Path, name: str, model: ModelConfig, kind: str) -> Split:
    """With tokens of the model's vocabulary alone. Raises UsageError."""
    try:
        split = Split(corpus, name, model.context, kind)
        split.check_vocabulary(model.vocab_size)
    except CorpusError as error:
        raise UsageError(f"{error}; name the run's corpus by --data FOLDER") from error
    return split


def tokenizer_of_run(folder: Path) -> str:
    """The SHA-256 of the tokenizer whose ids the run learned; empty where nothing says it."""
    state = folder / "checkpoints" / "step-00000000" / "state.json"
    known = load_object(state).get("tokenizer_sha256", "") if state.is_file() else ""
    for name in ("tokenizer.json", "tokenizer.model"):
        if not known and (folder / name).is_file():
            known = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    return str(known)


def require_tokenizer_of(folder: Path, corpus: Path, split: Split) -> None:
    """Raises UsageError where the corpus is known to be of another tokenizer than the run."""
    ours, theirs = tokenizer_of_run(folder), split.shards[0].tokenizer_sha256
    if ours and theirs and ours != theirs:
        raise UsageError(
            f"the run {folder} (tokenizer {ours[:12]}) and the corpus {corpus} (tokenizer "
            f"{theirs[:12]}) speak different tokenizers; name the run's corpus by --data FOLDER"
        )


def load_initial_weights(model: nn.Module, folder: Path) -> None:
    """Raises AeroError where the run did not keep them, or they are another model's."""
    path = folder / "checkpoints" / "step-00000000" / "weights.safetensors"
    if not path.is_file():
        raise UsageError(f"{path} is missing: train again with --set checkpoint.at_start=true")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise AeroError(f"{path}: damaged; train again") from error
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: list(tensor.shape) for name, tensor in tensors.items()}
    names = sorted(shapes.keys() | found.keys())
    if wrong := [name for name in names if shapes.get(name) != found.get(name)]:
        raise UsageError(
            f"{path}: {wrong[0]} is {found.get(wrong[0], 'absent')}, and in the PyTorch model of "
            f"{folder / CONFIG} {shapes.get(wrong[0], 'absent')}: it cannot be compared"
        )
    model.load_state_dict(tensors)


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


def parse_arguments(command_line: list[str] | None) -> argparse.Namespace:
    """Exits with usage where they do not fit."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--data", type=Path, help="the corpus, where data.path does not lead to it")
    parser.add_argument(
        "--tolerance", type=real(0, 1e9), default=0.02, help="relative (default: 0.02)"
    )
    parser.add_argument("--out", type=Path, help="also write the comparison here, as JSON")
    return parser.parse_args(command_line)


def make_trainer(run: Run, data: Path | None) -> Trainer:
    """Raises UsageError where the config lacks a key, or has what the PyTorch model does not."""
    try:
        return Trainer(run, data)
    except KeyError as error:
        raise UsageError(f'{run.folder / CONFIG}: no key "{error.args[0]}"') from error
    except (TypeError, ValueError) as error:
        reason = f": {error}" if isinstance(error, ValueError) else ""
        raise UsageError(
            f"{run.folder / CONFIG}: a value that the PyTorch loop does not know{reason}"
        ) from error


def train_again(trainer: Trainer) -> tuple[list[float], float]:
    """The loss of every step, and the held-out perplexity. Raises AeroError for NaN."""
    losses: list[float] = []
    progress = tqdm(range(trainer.steps), "training", unit="step", disable=None)
    for number in progress:
        losses.append(trainer.step(number))
        progress.set_postfix(loss=f"{losses[-1]:.4f}")
        if not math.isfinite(losses[-1]):
            raise AeroError(
                f"PyTorch's loss is not finite at step {number + 1}, where AERO's run goes on"
            )
    loss = trainer.validation_loss()
    if not loss < 700:
        raise AeroError(f"PyTorch's held-out loss is {loss:g}: nothing to compare")
    return losses, math.exp(loss)


def compare(arguments: argparse.Namespace) -> int:
    """Exit status 1 where the perplexities differ by more than the tolerance."""
    run = read_run(arguments.run)
    if arguments.out:
        require_writable(arguments.out)
    trainer = make_trainer(run, arguments.data)
    losses, perplexity = train_again(trainer)
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
    if arguments.out:
        write_text(arguments.out, json.dumps(report, indent=2) + "\n")
    print(markdown(report))
    return 0 if abs(difference) <= arguments.tolerance else 1


def main(command_line: list[str] | None = None) -> int:
    """The exit status."""
    return run_command(lambda: compare(parse_arguments(command_line)))


if __name__ == "__main__":
    sys.exit(main())
