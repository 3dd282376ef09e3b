"""What PyTorch's process is told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aero.benchmark.setting import Setting


@dataclass(frozen=True)
class PyTorchTask:
    """Tells a process what to do: the steps of a model, before them products of two matrices."""

    setting: Setting
    corpus: str
    fused: bool  # AdamW in one kernel
    backend: str = ""  # of torch.compile; empty: eager
    authors: dict[str, Any] = field(
        default_factory=dict
    )  # the section "model" of an authors' model
    gemm_size: int = 0  # n of n x n matrices whose rate of products is measured; 0: it is not
