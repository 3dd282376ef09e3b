"""Runs in PyTorch's process: nanoGPT's loop over the steps of a task."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aero.benchmark.pytorch_task import PyTorchTask
from aero.benchmark.setting import LEARNING_RATE, Setting
from aero.config.model import ModelConfig
from aero.reference.authors import AuthorsDecoder
from aero.reference.nanogpt import GPT
from aero.reference.tokens import Split


class _Ticks:
    """Records moments on the device's own timeline, so that nothing waits for it between steps."""

    def __init__(self, device: str) -> None:
        self._cuda = torch.cuda if device.startswith("cuda") else None
        self._moments: list[Any] = []

    def tick(self) -> None:
        if self._cuda is None:
            self._moments.append(time.perf_counter())
            return
        event = self._cuda.Event(enable_timing=True)
        event.record()
        self._moments.append(event)

    def seconds(self) -> list[float]:
        """Returns the seconds between one moment and the next."""
        pairs = pairwise(self._moments)
        if self._cuda is None:
            return [later - earlier for earlier, later in pairs]
        self._cuda.synchronize()
        return [earlier.elapsed_time(later) / 1000 for earlier, later in pairs]


def gemm_rate(size: int, device: str, dtype: torch.dtype) -> float:
    """Returns the FLOP/s of products of random n x n matrices, the median over half a second."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    rates: list[float] = []
    until = time.monotonic() + 0.5
    while not rates or time.monotonic() < until:
        ticks = _Ticks(device)
        ticks.tick()
        for _ in range(10):
            a @ b
            ticks.tick()
        rates += [2 * size**3 / seconds for seconds in ticks.seconds()]
    del a, b
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    return statistics.median(rates)


def _batches(task: PyTorchTask) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields inputs and targets on the device; copies do not wait."""
    setting = task.setting
    data = Split(Path(task.corpus), "train", setting.context)
    position = 0
    while True:
        indices = data.training_indices(position, setting.batch_size, seed=1)
        position += setting.batch_size
        inputs, targets = map(torch.from_numpy, data.batch(indices))
        if setting.device.startswith("cuda"):
            inputs, targets = (
                x.pin_memory().to(setting.device, non_blocking=True) for x in (inputs, targets)
            )
        yield inputs, targets


def _model(task: PyTorchTask) -> nn.Module:
    """Makes the model, which returns the loss of tokens and targets."""
    if task.authors:
        return AuthorsDecoder(ModelConfig.from_dict(task.authors))
    s = task.setting
    return GPT(s.n_layer, s.n_head, s.d_model, s.context, s.vocab_size)


def _train(task: PyTorchTask) -> list[float]:
    """Returns the seconds of each step of nanoGPT's loop, which fetches a batch while the device
    computes.
    """
    setting = task.setting
    model = _model(task).to(setting.device)
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    options = {"fused": True} if task.fused else {}
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.95), eps=1e-8, **options)
    loss_of: Callable[..., Tensor] = model
    if task.backend:
        loss_of = torch.compile(model, backend=task.backend)
    kind = setting.device.partition(":")[0]
    bfloat16 = setting.dtype == "bfloat16"
    batches = _batches(task)
    inputs, targets = next(batches)
    ticks = _Ticks(setting.device)
    ticks.tick()
    for _ in range(setting.steps):
        for _ in range(setting.accumulation):
            with torch.autocast(kind, dtype=torch.bfloat16, enabled=bfloat16):
                loss = loss_of(inputs, targets) / setting.accumulation
            inputs, targets = next(batches)
            loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ticks.tick()
    seconds = ticks.seconds()
    if not np.isfinite(loss.item()):
        sys.exit(f"the loss is {loss.item()}")
    return seconds


def work(task: PyTorchTask) -> dict[str, Any]:
    """Does the task and returns what the process writes."""
    torch.manual_seed(1)
    if task.setting.device.startswith("cuda"):
        torch.set_float32_matmul_precision("high")  # TF32, as nanoGPT allows it
        if ":" in task.setting.device:  # events and synchronize() belong to the current device
            torch.cuda.set_device(task.setting.device)
    if task.setting.threads:
        torch.set_num_threads(task.setting.threads)
    dtype = torch.bfloat16 if task.setting.dtype == "bfloat16" else torch.float32
    rate = gemm_rate(task.gemm_size, task.setting.device, dtype) if task.gemm_size else None
    return {"seconds": _train(task), "gemm_flops_per_second": rate}


def main() -> int:
    """Does the task of the command line and writes its times."""
    fields = json.loads(sys.argv[1])
    task = PyTorchTask(**{**fields, "setting": Setting(**fields["setting"])})
    Path(sys.argv[2]).write_text(json.dumps(work(task)), encoding="utf-8")
    return 0
