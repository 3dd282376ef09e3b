"""Trains a finished run again by a plain PyTorch loop, from its initial weights."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

from aero.checkpoint.kinds import CONFIG, METRICS, WEIGHTS
from aero.checkpoint.tokenizer_identity import (
    TokenizerIdentity,
    require_same_tokenizer,
    tokenizer_at,
)
from aero.config.model import ModelConfig, OwnPartsError
from aero.core.errors import AeroError, UsageError
from aero.reference.decoder import Decoder, token_loss
from aero.reference.finished_run import Run
from aero.reference.tokens import IGNORED, CorpusError, Split
from aero.reference.training import DECAYED, duration_steps, learning_rate, make_optimizer

INITIAL = Path("checkpoints") / "step-00000000"


class Trainer:
    """Trains by a plain PyTorch loop on the CPU, set up as a run's config says."""

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
            raise UsageError(
                f"{file}: {error}; the PyTorch reference has only the parts that AERO has"
            ) from error
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
        """Takes an optimizer step; returns the mean cross-entropy of its micro-batches, in nats."""
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
        """Returns the mean cross-entropy over the samples in order, in nats."""
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
    """Opens a split with tokens of the model's vocabulary alone. Raises UsageError."""
    try:
        split = Split(corpus, name, model.context, kind)
        split.check_vocabulary(model.vocab_size)
    except CorpusError as error:
        raise UsageError(f"{error}; name the run's corpus by --data FOLDER") from error
    return split


def require_tokenizer_of(folder: Path, corpus: Path, split: Split) -> None:
    """Raises UsageError where run and corpus both name a tokenizer and the two differ."""
    require_same_tokenizer(
        TokenizerIdentity(tokenizer_at(folder / INITIAL, folder), f"the run {folder}"),
        TokenizerIdentity(split.shards[0].tokenizer_sha256, f"the corpus {corpus}"),
        "name the run's corpus by --data FOLDER",
    )


def load_initial_weights(model: nn.Module, folder: Path) -> None:
    """Loads a run's initial weights. Raises AeroError where it has none, or another model's."""
    path = folder / INITIAL / WEIGHTS
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


def make_trainer(run: Run, data: Path | None) -> Trainer:
    """Makes a trainer. Raises UsageError where a key is missing or PyTorch's model lacks a part."""
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
    """Returns the loss of every step and the held-out perplexity. Raises AeroError for NaN."""
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
