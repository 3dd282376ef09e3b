"""Takes the turns of scenes within a budget, and continues where an earlier call ended."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aero.benchmark.aero_side import aero_turn
from aero.benchmark.budget import Budget
from aero.benchmark.card import watch_memory
from aero.benchmark.processes import OutOfTime, ProcessFailed
from aero.benchmark.pytorch_side import pytorch_turn
from aero.benchmark.pytorch_task import PyTorchTask
from aero.benchmark.setting import make_corpus
from aero.benchmark.step_scenes import Scene, Side
from aero.benchmark.store import Store

_RESERVE_SECONDS = 5  # to end a turn and write the report
_SCRATCH_BYTES = 8 * 10**9
_SLACK = 1.2  # how much longer than the last one a turn may take


def turn_name(scene: Scene, side: Side, number: int) -> str:
    """Returns the name of a turn's measurement."""
    return f"{scene.name}/{side.name}/{number}"


def turns(scenes: list[Scene]) -> Iterator[tuple[Scene, Side, int]]:
    """Yields turns round by round, so that every scene has its first before one has its second."""
    for number in range(1, max(scene.begins + scene.rounds for scene in scenes)):
        for scene in scenes:
            own = number - scene.begins + 1
            if 1 <= own <= scene.rounds:
                yield from ((scene, side, own) for side in scene.sides)


def scratch() -> Path | None:
    """Returns a folder in memory, where that has room for the checkpoints of AERO's turns; None
    stands for the system's folder for temporary files.
    """
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > _SCRATCH_BYTES:
        return memory
    return None


@dataclass
class Turns:
    """Takes the turns of one call of the program."""

    aero: Path
    gemm_size: int
    budget: Budget
    store: Store
    left_out: list[str] = field(default_factory=list)  # because time ran out
    failed: list[str] = field(default_factory=list)

    def take(self, scenes: list[Scene]) -> None:
        """Takes all turns that are not measured yet and fit."""
        with tempfile.TemporaryDirectory(prefix="aero-benchmark-", dir=scratch()) as place:
            for scene, side, number in turns(scenes):
                name = turn_name(scene, side, number)
                if "seconds" in (self.store.get(name) or {}):
                    continue
                left = self.budget.left() - _RESERVE_SECONDS
                if left < self._expected(scene, side):
                    self.left_out.append(name)
                    continue
                if any(turn_name(scene, side, n) in self.failed for n in range(1, number)):
                    continue
                self._one(scene, side, name, Path(place), left)

    def _expected(self, scene: Scene, side: Side) -> float:
        """Returns the seconds that a turn may take: those of the last such turn, or a guess."""
        names = [turn_name(scene, side, number) for number in range(scene.rounds, 0, -1)]
        walls = [turn["wall"] for name in names if (turn := self.store.get(name) or {}).get("wall")]
        return _SLACK * walls[0] if walls else side.first_seconds

    def _one(self, scene: Scene, side: Side, name: str, place: Path, limit: float) -> None:
        print(f"{name}: {self.budget.left():.0f} s left", file=sys.stderr, flush=True)
        start = time.monotonic()
        try:
            found = self._measure(scene, side, place / scene.name, limit)
        except OutOfTime:
            self.left_out.append(name)
            return
        except ProcessFailed as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            self.failed.append(name)
            self.store.put(name, {"failed": str(error)})
            return
        self.store.put(name, found | {"wall": time.monotonic() - start})

    def _measure(self, scene: Scene, side: Side, place: Path, limit: float) -> dict[str, Any]:
        setting = scene.setting
        corpus = place / "corpus"
        if not corpus.is_dir():
            make_corpus(corpus, setting)
        with (
            tempfile.TemporaryDirectory(dir=place) as name,
            watch_memory(setting.device) as memory,
        ):
            folder = Path(name)
            if side.is_pytorch:
                task = PyTorchTask(
                    setting,
                    str(corpus),
                    fused=True,
                    backend=side.backend,
                    authors=dict(side.authors),
                    gemm_size=self.gemm_size,
                )
                of_pytorch = pytorch_turn(task, folder, limit)
                seconds, resident = of_pytorch.seconds, of_pytorch.peak_bytes
                more = {"gemm_flops_per_second": of_pytorch.gemm_flops_per_second}
            else:
                of_aero = aero_turn(
                    self.aero,
                    setting,
                    folder,
                    side.architecture,
                    side.model,
                    side.train,
                    corpus,
                    limit,
                )
                seconds, resident = of_aero.seconds, of_aero.peak_bytes
                more = {"flops_per_step": of_aero.flops_per_step}
        on_card = setting.device.startswith("cuda")
        return {
            "seconds": seconds[scene.warmup :],
            "peak_bytes": memory.peak_bytes if on_card else resident,
            **more,
        }
