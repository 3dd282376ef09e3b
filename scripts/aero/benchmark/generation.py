"""Takes turns of generation: `aero generate` beside transformers' generate()."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aero.benchmark.aero_side import aero_config
from aero.benchmark.processes import run_process
from aero.benchmark.setting import Setting, make_corpus
from aero.core.errors import AeroError
from aero.core.places import SCRIPTS

AERO = "AERO"
TRANSFORMERS = "transformers"
SIDES = (AERO, TRANSFORMERS)

_TIMES = re.compile(r"read in ([\d.]+) s; .* in ([\d.]+) s, [\d.]+ tokens/s$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """Describes texts that are generated together, each of the same prompt."""

    dtype: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.dtype}/{self.batch}"


@dataclass(frozen=True)
class Generation:
    """Holds the model, and what is generated."""

    model: Setting
    prompt: tuple[int, ...]
    tokens: int  # new ones of each text
    cases: tuple[Case, ...]
    rounds: int


def full_generation(threads: int) -> Generation:
    """Returns what the table shows: GPT-2 124M."""
    return Generation(
        Setting(12, 12, 768, 50304, 256, 1, 1, "float32", threads, 1),
        tuple(range(100, 116)),
        128,
        tuple(Case(dtype, batch) for dtype in ("float32", "bfloat16") for batch in (1, 8)),
        rounds=5,
    )


def dry_generation() -> Generation:
    """Returns texts that take no time, to try the program, not its speed."""
    return Generation(
        Setting(1, 1, 64, 64, 16, 1, 1, "float32", 1, 1),
        (1, 2, 3),
        4,
        tuple(Case(dtype, batch) for dtype in ("float32", "bfloat16") for batch in (1, 2)),
        rounds=1,
    )


def make_model(aero: Path, model: Setting, folder: Path, limit: float) -> Path:
    """Makes a run whose weights are random, and returns its folder."""
    corpus, run, config = folder / "corpus", folder / "run", folder / "config.json"
    make_corpus(corpus, model)
    config.write_text(json.dumps(aero_config(model, corpus, run)), encoding="utf-8")
    run_process([str(aero), "train", str(config)], folder / "log.txt", limit)
    return run


def _environment(threads: int) -> dict[str, str]:
    path = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}


def aero_turn(
    aero: Path, work: Generation, case: Case, run: Path, folder: Path, limit: float
) -> float:
    """Returns the seconds that `aero generate` takes for the texts of a case."""
    command = [str(aero), "generate", str(run), "--ids", ",".join(map(str, work.prompt))]
    command += ["--samples", str(case.batch), "--batch", str(case.batch), "--temperature", "0"]
    command += ["--max-tokens", str(work.tokens), "--dtype", case.dtype, "--times", "--print-ids"]
    log = folder / "aero.txt"
    run_process(command, log, limit, environment=_environment(work.model.threads))
    found = _TIMES.search(log.read_text(encoding="utf-8"))
    if found is None:
        raise AeroError(f"{aero} generate --times: says no times")
    return float(found[1]) + float(found[2])


def transformers_turn(work: Generation, case: Case, run: Path, folder: Path, limit: float) -> float:
    """Returns the seconds that transformers' generate() takes for the same, in its own process."""
    result = folder / "result.json"
    task = {"run": str(run), "prompt": work.prompt, "tokens": work.tokens, **asdict(case)}
    command = [sys.executable, "-m", "aero.core.launch", "aero.benchmark.transformers_work"]
    command += [json.dumps(task), str(result)]
    run_process(command, folder / "peer.txt", limit, environment=_environment(work.model.threads))
    return float(json.loads(result.read_text(encoding="utf-8"))["seconds"])


def rates(work: Generation, measured: Mapping[str, Any], case: Case, side: str) -> list[float]:
    """Returns the tokens/s of the rounds that were measured."""
    names = [turn_name(case, side, number) for number in range(1, work.rounds + 1)]
    found = [measured[name] for name in names if name in measured]
    return [case.batch * work.tokens / seconds for seconds in found]


def turn_name(case: Case, side: str, number: int) -> str:
    """Returns the name of a turn's measurement."""
    return f"{case.name}/{side}/{number}"


def markdown(work: Generation, measured: Mapping[str, Any]) -> list[str]:
    """Returns the table of medians."""
    lines = [
        "| dtype | texts | AERO, tokens/s | transformers, tokens/s | AERO over transformers |",
        "|---|---|---|---|---|",
    ]
    for case in work.cases:
        medians = [
            statistics.median(found) if (found := rates(work, measured, case, side)) else None
            for side in SIDES
        ]
        ours, theirs = medians
        cells = [f"{rate:,.1f}" if rate else "-" for rate in medians]
        cells.append(f"{ours / theirs:.2f}" if ours and theirs else "-")
        lines.append(f"| {case.dtype} | {case.batch} | {' | '.join(cells)} |")
    return lines
