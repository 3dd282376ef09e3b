#!/usr/bin/env python3
"""Measures tokens/s of a training step on the CPU: AERO against the same GPT-2 in PyTorch eager,
or AERO's architectures against each other (--architectures), the first of them the reference.

The sides take turns for --rounds rounds, each turn a process of its own, so that slow spells of the
machine fall on all alike. The first steps of a turn are warm-up and left out. Reported are medians
over all steps, the median over rounds of the ratio within a round, and peak memory. PyTorch runs
nanoGPT's loop with torch.optim.AdamW as it comes, and with fused=True.

Examples:
  scripts/benchmark_step.py --rounds 3 --json step.json
  scripts/benchmark_step.py --architectures "SM(t)+ScFuFFN_i6" "EReg(SM(t)+ScFuFFN_i6)"
"""

from __future__ import annotations

import aero_signals  # before all else

# isort: split
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

try:
    import numpy as np
    from tqdm import tqdm

    from aero_reference.tokens import Split, write_token_file
    from aero_results.command import run_command
    from aero_results.errors import ResultsError
    from aero_results.files import require_writable, write_text
    from aero_results.options import Parser, whole
    from aero_results.run_folder import read_lines
except ModuleNotFoundError as error:
    sys.exit(
        f"error: the Python package {error.name} is missing; run this with build/venv/bin/python, "
        "which scripts/setup.sh makes"
    )

ROOT = Path(__file__).resolve().parent.parent
PYTORCH_SIDES = ("pytorch", "pytorch fused")
MOST_TOKENS = 1 << 30
BASELINE = "SM+LN+G"  # what the PyTorch sides compute


@dataclass(frozen=True)
class Setting:
    """What a step is."""

    n_layer: int
    n_head: int
    d_model: int
    vocab_size: int
    context: int
    batch_size: int
    accumulation: int
    dtype: str
    threads: int
    steps: int

    @property
    def tokens_per_step(self) -> int:
        return self.batch_size * self.accumulation * self.context


@dataclass
class Measured:
    """Seconds of each measured step, round by round, and peak memory of one process."""

    rounds: list[list[float]] = field(default_factory=list)
    peak_bytes: int = 0

    def median_seconds(self) -> float:
        return statistics.median(seconds for turn in self.rounds for seconds in turn)


def aero_config(
    setting: Setting, corpus: Path, run: Path, architecture: str = BASELINE
) -> dict[str, Any]:
    """The config of AERO's side: every key that this script depends on."""
    return {
        "seed": 1,
        "model": {
            "family": "gpt2",
            "architecture": architecture,
            "n_layer": setting.n_layer,
            "n_head": setting.n_head,
            "d_model": setting.d_model,
            "context": setting.context,
            "vocab_size": setting.vocab_size,
            "biases": "all",
            "tied_head": True,
        },
        "data": {"path": str(corpus)},
        "train": {
            "duration": str(setting.steps),
            "batch_size": setting.batch_size,
            "accumulation": setting.accumulation,
            "dtype": setting.dtype,
            "device": "cpu",
            "threads": setting.threads,
            "clip": 1.0,
        },
        "optimizer": {
            "name": "adamw",
            "lr": 6e-4,
            "beta1": 0.9,
            "beta2": 0.95,
            "eps": 1e-8,
            "weight_decay": 0.1,
        },
        "schedule": {"name": "constant", "warmup": "0"},
        "eval": {"every": "0", "batches": 1},
        "checkpoint": {"every": "0"},
        "log": {"every": "1"},
        "run": {"folder": str(run)},
    }


def make_corpus(folder: Path, setting: Setting) -> None:
    """Random tokens: enough for the steps of a turn, and one batch to evaluate."""
    folder.mkdir()
    generator = np.random.default_rng(1)
    kind = {"kind": "random", "note": "made by scripts/benchmark_step.py"}
    splits = {}
    for name, steps in (("train", setting.steps), ("val", 1)):
        tokens = generator.integers(setting.vocab_size, size=steps * setting.tokens_per_step + 1)
        write_token_file(folder / f"{name}.bin", tokens, setting.vocab_size)
        splits[name] = [{"file": f"{name}.bin", "tokens": len(tokens)}]
    manifest = {"format": "aero-corpus", "version": 1, "splits": splits, "source": kind}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def ending(status: int) -> str:
    """Of a turn that failed."""
    return f"a turn was ended by signal {-status}" if status < 0 else f"a turn failed ({status})"


def tail(log: Path) -> str:
    """What a process said last; of Python's own report of an exception, its last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    traced = any(line.startswith("Traceback ") for line in lines)
    return "\n".join(lines[-1:] if traced else lines[-20:]) or "it said nothing"


def run_process(command: list[str], log: Path) -> int:
    """Peak resident memory in bytes; no less than that of this process, which stays small.

    Raises ResultsError with the end of the output where the command fails.
    """
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        except OSError as error:
            raise ResultsError(f"{command[0]}: {error.strerror}") from error
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ResultsError(f"{ending(process.returncode)}:\n{tail(log)}")
    return usage.ru_maxrss * 1024


def aero_turn(
    binary: Path, setting: Setting, folder: Path, architecture: str
) -> tuple[list[float], int]:
    """Seconds of all steps of one `aero train`, and its peak memory."""
    run, config = folder / "run", folder / "config.json"
    settings = aero_config(setting, folder.parent / "corpus", run, architecture)
    config.write_text(json.dumps(settings), encoding="utf-8")
    peak = run_process([str(binary), "train", str(config)], folder / "log.txt")
    seconds: list[float] = []
    read_lines(
        run, lambda line: seconds.extend([] if "event" in line else [line.number("seconds")])
    )
    shutil.rmtree(run)  # its checkpoint is some GB
    return seconds, peak


def pytorch_turn(setting: Setting, folder: Path, fused: bool) -> tuple[list[float], int]:
    """Seconds of all steps of one PyTorch process, and its peak memory."""
    task = {"setting": asdict(setting), "corpus": str(folder.parent / "corpus"), "fused": fused}
    result = folder / "seconds.json"
    command = [sys.executable, __file__, "--worker", json.dumps(task), str(result)]
    peak = run_process(command, folder / "log.txt")
    return json.loads(result.read_text(encoding="utf-8")), peak


def pytorch_worker(task: dict[str, Any], result: Path) -> None:
    """The PyTorch side, in its own process: writes the seconds of each step."""
    import torch
    from torch import nn
    from torch.nn import functional

    from aero_reference.nanogpt import GPT

    setting = Setting(**task["setting"])
    torch.manual_seed(1)
    torch.set_num_threads(setting.threads)
    data = Split(Path(task["corpus"]), "train", setting.context)
    model = GPT(
        setting.n_layer, setting.n_head, setting.d_model, setting.context, setting.vocab_size
    )
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    options = {"fused": True} if task["fused"] else {}
    optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), eps=1e-8, **options)
    bfloat16 = setting.dtype == "bfloat16"
    position, seconds = 0, []
    for _ in range(setting.steps):
        start = time.perf_counter()
        total = 0.0
        for _ in range(setting.accumulation):
            indices = data.training_indices(position, setting.batch_size, seed=1)
            position += setting.batch_size
            inputs, targets = map(torch.from_numpy, data.batch(indices))
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
                logits = model(inputs)
                loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            loss = loss / setting.accumulation
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
    if not np.isfinite(total):
        sys.exit(f"the loss is {total}")
    result.write_text(json.dumps(seconds), encoding="utf-8")


def measure(sides: list[str], arguments: argparse.Namespace) -> dict[str, Measured]:
    """Lets the sides take turns."""
    setting = setting_of(arguments)
    measured = {side: Measured() for side in sides}
    turns = [(number, side) for number in range(arguments.rounds) for side in sides]
    with aero_signals.Tidying(), tempfile.TemporaryDirectory(prefix="aero-benchmark-") as name:
        make_corpus(Path(name) / "corpus", setting)
        progress = tqdm(turns, unit="turn", disable=None)
        for number, side in progress:
            progress.set_description(side)
            folder = Path(name) / f"{number}-{sides.index(side)}"
            folder.mkdir()
            if side in PYTORCH_SIDES:
                seconds, peak = pytorch_turn(setting, folder, fused=side.endswith("fused"))
            else:
                architecture = BASELINE if side == "aero" else side
                seconds, peak = aero_turn(arguments.aero, setting, folder, architecture)
            if len(seconds) != setting.steps:
                raise ResultsError(f"{side}: {len(seconds)} steps were timed, not {setting.steps}")
            measured[side].rounds.append(seconds[arguments.warmup :])
            measured[side].peak_bytes = max(measured[side].peak_bytes, peak)
    return measured


def ratio(measured: dict[str, Measured], side: str, reference: str = "aero") -> float:
    """The reference's tokens/s over the side's: the median over rounds of the ratio within one."""
    pairs = zip(measured[side].rounds, measured[reference].rounds, strict=True)
    return statistics.median(
        statistics.median(theirs) / statistics.median(ours) for theirs, ours in pairs
    )


def summary(measured: dict[str, Measured], setting: Setting) -> dict[str, Any]:
    """The report that --json writes."""
    sides = {}
    reference = next((side for side in measured if side not in PYTORCH_SIDES), None)
    for side, result in measured.items():
        seconds = result.median_seconds()
        sides[side] = {
            "tokens_per_second": setting.tokens_per_step / seconds,
            "seconds_per_step": seconds,
            "peak_bytes": result.peak_bytes,
            "rounds": result.rounds,
        }
        if reference not in (None, side):
            sides[side]["reference_over_this"] = ratio(measured, side, reference)
    return {"setting": asdict(setting), "reference": reference, "sides": sides}


def markdown(report: dict[str, Any]) -> str:
    """The report as a table."""
    s = report["setting"]
    lines = [
        f"GPT-2 {s['n_layer']}L, d={s['d_model']}, H={s['n_head']}, V={s['vocab_size']}, "
        f"T={s['context']}, B={s['batch_size']}, accumulation {s['accumulation']}, "
        f"{s['dtype']}, {s['threads']} threads",
        "",
        f"| | tokens/s | s/step | peak memory, GB | tokens/s of {report['reference']} over this |",
        "|---|---|---|---|---|",
    ]
    for side, row in report["sides"].items():
        against = f"{row['reference_over_this']:.3f}" if "reference_over_this" in row else ""
        lines.append(
            f"| {side} | {row['tokens_per_second']:.0f} | {row['seconds_per_step']:.3f} "
            f"| {row['peak_bytes'] / 1e9:.2f} | {against} |"
        )
    return "\n".join(lines)


def setting_of(arguments: argparse.Namespace) -> Setting:
    """The step that the command line asks for."""
    return Setting(
        arguments.layers,
        arguments.heads,
        arguments.width,
        arguments.vocab,
        arguments.context,
        arguments.batch,
        arguments.accumulation,
        arguments.dtype,
        arguments.threads,
        arguments.steps,
    )


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults, and the description as it is written."""


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """The command line; exits with status 2 where it makes no sense."""
    parser = Parser(description=__doc__, formatter_class=_Help)
    binary = ROOT / "build" / "release" / "bin" / "aero"
    parser.add_argument("--aero", type=Path, default=binary, help="AERO's binary")
    parser.add_argument("--sides", nargs="+", choices=["aero", *PYTORCH_SIDES], help="who runs")
    parser.add_argument(
        "--architectures", nargs="+", metavar="NAME", help="instead of --sides: AERO's, by name"
    )
    parser.add_argument("--layers", type=whole(1, 1000), default=12, help="L")
    parser.add_argument("--heads", type=whole(1, 1000), default=12, help="H")
    parser.add_argument("--width", type=whole(1, 1 << 16), default=768, help="d")
    parser.add_argument("--vocab", type=whole(2, 1 << 24), default=50304, help="V")
    parser.add_argument("--context", type=whole(1, 1 << 20), default=128, help="T")
    parser.add_argument("--batch", type=whole(1, 1 << 16), default=8, help="B")
    parser.add_argument(
        "--accumulation", type=whole(1, 1 << 16), default=1, help="forward passes a step"
    )
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16", help=" ")
    parser.add_argument(
        "--threads", type=whole(1, 1024), default=2, help="CPU threads of each side"
    )
    parser.add_argument("--rounds", type=whole(1, 10000), default=5, help="turns of each side")
    parser.add_argument(
        "--steps", type=whole(1, 1_000_000), default=8, help="steps in a turn, warm-up included"
    )
    parser.add_argument(
        "--warmup", type=whole(0, 1_000_000), default=2, help="steps of a turn that are left out"
    )
    parser.add_argument("--json", type=Path, help="also write everything measured here")
    arguments = parser.parse_args(command_line)
    if arguments.sides and arguments.architectures:
        parser.error("--sides and --architectures: give one of them")
    arguments.sides = arguments.architectures or arguments.sides or ["aero", *PYTORCH_SIDES]
    if len(set(arguments.sides)) < len(arguments.sides):
        parser.error("a side stands there twice")
    if arguments.width % arguments.heads:
        parser.error(f"--width {arguments.width} is not a multiple of --heads {arguments.heads}")
    tokens = arguments.batch * arguments.accumulation * arguments.context * arguments.steps
    if tokens > MOST_TOKENS:
        parser.error(
            f"--batch, --accumulation, --context and --steps make {tokens:,} tokens, which are "
            f"made before the first turn: at most {MOST_TOKENS:,}"
        )
    if not arguments.warmup < arguments.steps:
        parser.error(f"--warmup {arguments.warmup} leaves nothing of --steps {arguments.steps}")
    if set(arguments.sides) - set(PYTORCH_SIDES):
        if not arguments.aero.is_file():
            parser.error(
                f"--aero {arguments.aero}: no such file; scripts/build.sh release makes it"
            )
        if not os.access(arguments.aero, os.X_OK):
            parser.error(f"--aero {arguments.aero}: not a program")
    return arguments


def benchmark(arguments: argparse.Namespace) -> int:
    """Measures and reports."""
    if arguments.json:
        require_writable(arguments.json)
    report = summary(measure(arguments.sides, arguments), setting_of(arguments))
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + "\n")
    print(markdown(report))
    return 0


def main(command_line: list[str] | None = None) -> int:
    """The exit status."""
    return run_command(lambda: benchmark(parse(command_line)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        pytorch_worker(json.loads(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main())
