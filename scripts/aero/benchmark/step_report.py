"""Reports what the turns measured: medians, shares of the rate of products, and the goals."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aero.benchmark.step_scenes import Scene, Side
from aero.benchmark.step_turns import turn_name
from aero.core.markdown import markdown_table

_NONE = "–"


@dataclass(frozen=True)
class Row:
    """Holds the figures of a scene's side, None where nothing was measured."""

    scene: str
    side: str
    rounds: int
    seconds_per_step: float | None
    tokens_per_second: float | None
    share_of_gemm: float | None
    peak_bytes: float | None
    over_reference: float | None  # seconds over those of the scene's first side


@dataclass(frozen=True)
class Goal:
    """Holds a goal and what was measured; `measured` is None where nothing was."""

    text: str
    wanted: str
    measured: float | None
    reached: bool | None


class Results:
    """Looks up measurements by scene and side."""

    def __init__(self, scenes: list[Scene], measured: Mapping[str, Any]) -> None:
        self._scenes = {scene.name: scene for scene in scenes}
        self._measured = measured

    def turns(self, scene: str, side: str) -> dict[int, Any]:
        """Returns the turns that have times, by round."""
        found = {}
        for each in self._scenes[scene].sides:
            for number in range(1, self._scenes[scene].rounds + 1):
                turn = self._measured.get(turn_name(self._scenes[scene], each, number)) or {}
                if each.name == side and turn.get("seconds"):
                    found[number] = turn
        return found

    def seconds(self, scene: str, side: str) -> float | None:
        """Returns the median seconds of a step, over all rounds."""
        steps = [s for turn in self.turns(scene, side).values() for s in turn["seconds"]]
        return statistics.median(steps) if steps else None

    def seconds_per_token(self, scene: str, side: str) -> float | None:
        """Returns the median seconds of a step, divided by its tokens."""
        seconds = self.seconds(scene, side)
        return None if seconds is None else seconds / self._scenes[scene].setting.tokens_per_step

    def ratio(self, scene: str, side: str, reference: str) -> float | None:
        """Returns the seconds over the reference's: the median over the rounds that both have."""
        ours, theirs = (
            {number: statistics.median(turn["seconds"]) for number, turn in turns.items()}
            for turns in (self.turns(scene, side), self.turns(scene, reference))
        )
        ratios = [ours[number] / theirs[number] for number in ours.keys() & theirs.keys()]
        return statistics.median(ratios) if ratios else None

    def gemm(self) -> float | None:
        """Returns the FLOP/s of a large product of random numbers, as PyTorch's turns measured."""
        rates = [turn.get("gemm_flops_per_second") for turn in self._measured.values()]
        rates = [rate for rate in rates if rate]
        return statistics.median(rates) if rates else None

    def peak_ratio(self, scene: str, side: str, reference: str) -> float | None:
        """Returns the peak memory over the reference's."""
        ours, theirs = self.peak(scene, side), self.peak(scene, reference)
        return ours / theirs if ours and theirs else None

    def peak(self, scene: str, side: str) -> float | None:
        """Returns the peak memory in bytes, over all rounds."""
        turns = self.turns(scene, side).values()
        peaks: list[float] = [turn["peak_bytes"] for turn in turns if turn.get("peak_bytes")]
        return max(peaks) if peaks else None

    def memory_growth(self, scenes: Collection[str], side: str) -> float | None:
        """Returns the bytes by which peak memory grows with each token of a step: the slope of a
        line through the scenes by least squares.
        """
        tokens = [self._scenes[scene].setting.tokens_per_step for scene in scenes]
        peaks = [self.peak(scene, side) for scene in scenes]
        found = [peak for peak in peaks if peak is not None]
        if len(found) < len(peaks):
            return None
        return statistics.linear_regression(tokens, found).slope

    def flops(self, scene: str, side: Side) -> float | None:
        """Returns the FLOPs of a step, which AERO reports for the same model."""
        for other in self._scenes[scene].sides:
            if other.architecture == side.architecture and not other.is_pytorch:
                for turn in self.turns(scene, other.name).values():
                    flops: float | None = turn.get("flops_per_step")
                    return flops
        return None

    def share(self, scene: str, side: str) -> float | None:
        """Returns the FLOP/s of the steps over those of products."""
        (found,) = (each for each in self._scenes[scene].sides if each.name == side)
        flops, seconds, gemm = self.flops(scene, found), self.seconds(scene, side), self.gemm()
        return flops / seconds / gemm if flops and seconds and gemm else None

    def rows(self) -> list[Row]:
        """Returns the rows of all sides, scene by scene."""
        found = []
        for scene in self._scenes.values():
            for side in scene.sides:
                turns = self.turns(scene.name, side.name)
                seconds = self.seconds(scene.name, side.name)
                found.append(
                    Row(
                        scene.name,
                        side.name,
                        len(turns),
                        seconds,
                        scene.setting.tokens_per_step / seconds if seconds else None,
                        self.share(scene.name, side.name),
                        self.peak(scene.name, side.name),
                        self.ratio(scene.name, side.name, scene.sides[0].name),
                    )
                )
        return found


def at_least(text: str, wanted: float, measured: float | None) -> Goal:
    """Returns the goal that a figure is not below `wanted`."""
    reached = None if measured is None else measured >= wanted
    return Goal(text, f"at least {wanted:g}", measured, reached)


def at_most(text: str, wanted: float, measured: float | None) -> Goal:
    """Returns the goal that a figure is not above `wanted`."""
    reached = None if measured is None else measured <= wanted
    return Goal(text, f"at most {wanted:g}", measured, reached)


@dataclass(frozen=True)
class Catalogue:
    """Holds what a program measures, and what that is compared with."""

    scenes: list[Scene]
    goals: Callable[[Results], list[Goal]]


def _figure(value: float | None, digits: int, scale: float = 1) -> str:
    return _NONE if value is None else f"{value * scale:,.{digits}f}"


def _answer(goal: Goal) -> str:
    return {None: "not measured", True: "yes", False: "no"}[goal.reached]


def _title(scene: Scene) -> str:
    s = scene.setting
    return (
        f"{scene.title}: {s.n_layer}L, d = {s.d_model}, H = {s.n_head}, V = {s.vocab_size:,}, "
        f"T = {s.context}, B = {s.batch_size}, {s.dtype}"
    )


def summary(catalogue: Catalogue, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Sums up what was measured for the file of results."""
    results = Results(catalogue.scenes, measured)
    return {
        "gemm_flops_per_second": results.gemm(),
        "rows": [asdict(row) for row in results.rows()],
        "goals": [asdict(goal) for goal in catalogue.goals(results)],
        "settings": {scene.name: asdict(scene.setting) for scene in catalogue.scenes},
    }


def markdown(catalogue: Catalogue, measured: Mapping[str, Any]) -> list[str]:
    """Returns the table of goals, then one table per scene."""
    results = Results(catalogue.scenes, measured)
    gemm = results.gemm()
    lines = [
        "Figures are medians of steps after warm-up, over rounds in which the sides took turns. "
        f"Products of random matrices reached {_figure(gemm, 0, 1e-9)} GFLOP/s. Peak memory is "
        "that of the card beyond what was in use before, or on a CPU that of the process.",
        "",
    ]
    rows = [
        [goal.text, goal.wanted, _figure(goal.measured, 3), _answer(goal)]
        for goal in catalogue.goals(results)
    ]
    lines += markdown_table(["goal", "wanted", "measured", "reached"], rows)
    for scene in catalogue.scenes:
        header = ["", "rounds", "ms a step", "steps/s", "tokens/s", "share of GEMM", "peak GB"]
        header += [f"time over {scene.sides[0].name}'s"]
        table = [
            [
                row.side,
                str(row.rounds),
                _figure(row.seconds_per_step, 2, 1e3),
                _figure(1 / row.seconds_per_step if row.seconds_per_step else None, 1),
                _figure(row.tokens_per_second, 0),
                _figure(row.share_of_gemm, 3),
                _figure(row.peak_bytes, 2, 1e-9),
                _figure(row.over_reference, 3),
            ]
            for row in results.rows()
            if row.scene == scene.name
        ]
        lines += ["", _title(scene), "", *markdown_table(header, table)]
    return lines
