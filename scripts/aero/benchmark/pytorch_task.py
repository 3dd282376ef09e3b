"""Defines the task that is passed to PyTorch's process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aero.benchmark.setting import Setting


@dataclass(frozen=True)
class PyTorchTask:
    """Describes the work of a process: products of two matrices, then the steps of a model."""

    setting: Setting
    corpus: str
    fused: bool  # AdamW in one kernel
    backend: str = ""  # of torch.compile; empty: eager
    authors: dict[str, Any] = field(
        default_factory=dict
    )  # the section "model" of an authors' model
    gemm_size: int = 0  # n of the n x n matrices whose products are timed; 0: none are
