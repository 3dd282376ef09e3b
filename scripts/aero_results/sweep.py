"""The result of `aero ablate`: FOLDER/NAME.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aero_results.errors import ResultsError
from aero_results.jsonc import load_object
from aero_results.run_folder import Nonfinite, nonfinite_event

FORMS = ("qk_form", "v_form", "o_form")


@dataclass(frozen=True)
class SeedRun:
    """One seed of a member."""

    seed: int
    folder: Path
    state: str  # finished, nonfinite, unfinished
    perplexity: float | None
    steps: int
    tokens: int
    nonfinite: Nonfinite | None


@dataclass(frozen=True)
class Member:
    """One architecture or setting of a sweep."""

    name: str
    architecture: str
    config: dict[str, Any]  # the effective section "model"
    perplexity: float | None  # mean over the finished seeds
    deviation: float | None  # sample standard deviation; None with fewer than two
    seeds: int  # finished
    parameters: int | None
    ffn_flops: int | None
    attention_flops: int | None
    operations: dict[str, list[int]]
    bins: list[float] | None
    comm_bytes: float | None  # of one forward pass under private inference
    latency_s: float | None
    cost_model: str | None
    runs: list[SeedRun]

    def identity(self) -> tuple[str, ...]:
        """What a row of a table is recognised by."""
        family = "simplified" if self.config.get("family") == "simplified" else ""
        forms = (str(self.config.get(key, "plain")) for key in FORMS)
        return (family, self.architecture, *forms)


@dataclass(frozen=True)
class Sweep:
    """All members, in the order of the sweep file."""

    file: Path
    name: str
    baseline: str | None
    members: list[Member]

    def member(self, name: str) -> Member:
        """By name."""
        for member in self.members:
            if member.name == name:
                return member
        known = ", ".join(f'"{member.name}"' for member in self.members)
        raise ResultsError(f'{self.file}: no member "{name}"; it has {known}')


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)


def _run(record: dict[str, Any]) -> SeedRun:
    event = record.get("nonfinite")
    return SeedRun(
        seed=int(record["seed"]),
        folder=Path(record["folder"]),
        state=str(record["state"]),
        perplexity=_number(record.get("perplexity")),
        steps=int(record.get("steps") or 0),
        tokens=int(record.get("tokens") or 0),
        nonfinite=nonfinite_event(event) if event else None,
    )


def _member(record: dict[str, Any]) -> Member:
    perplexity = record.get("perplexity") or {}
    flops = record.get("flops") or {}
    pi = record.get("pi") or {}
    return Member(
        name=str(record["name"]),
        architecture=str(record["architecture"]),
        config=record.get("config") or {},
        perplexity=_number(perplexity.get("mean")),
        deviation=_number(perplexity.get("std")),
        seeds=int(perplexity.get("n") or 0),
        parameters=_integer(record.get("parameters")),
        ffn_flops=_integer(flops.get("ffn")),
        attention_flops=_integer(flops.get("attention")),
        operations=record.get("operations") or {},
        bins=record.get("bins"),
        comm_bytes=_number(pi.get("comm_bytes")),
        latency_s=_number(pi.get("latency_s")),
        cost_model=pi.get("cost_model"),
        runs=[_run(run) for run in record.get("runs", [])],
    )


def read_sweep(file: Path) -> Sweep:
    """Exits with what is wrong where the file is no result of `aero ablate`."""
    value = load_object(file)
    if not isinstance(value.get("members"), list):
        raise ResultsError(
            f"{file}: no list of members; give the JSON file that `aero ablate` wrote, "
            "not the sweep that it read"
        )
    try:
        members = [_member(record) for record in value["members"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"a member or run lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ResultsError(f"{file}: {reason}") from error
    return Sweep(file, str(value.get("sweep", file.stem)), value.get("baseline"), members)


def find_run_folder(sweep_file: Path, folder: Path) -> Path:
    """A run's folder as recorded, or beside the sweep's result where both have moved."""
    candidates = [
        folder,
        sweep_file.parent / folder,
        sweep_file.parent.joinpath(*folder.parts[-2:]),
    ]
    return next((candidate for candidate in candidates if candidate.is_dir()), folder)
