"""Trains rows of the papers' tables at full size on a GPU, all for the same number of tokens.

Makes a corpus of the Python files on this machine, measures how fast steps are, and trains every
row (GPT-2, 12 layers, d = 768, T = 128) for as many steps as --seconds allow for all of them, on
the same tokens in the same order. Called again, the program continues with what is missing. It
writes train.json, train.md and the runs, in train.runs, into FOLDER, and the corpus under --work.

Examples:
  scripts/gpu/train.py --aero build/cuda-release/bin/aero --out build/gpu
  scripts/gpu/train.py --aero build/release/bin/aero --out /tmp/dry --device cpu --tiny
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aero.benchmark.budget import Budget
from aero.benchmark.card import machine, machine_lines
from aero.benchmark.options import add_common, check_common
from aero.benchmark.store import Store
from aero.benchmark.training_corpus import (
    corpus_facts,
    dry_recipe,
    full_recipe,
    require_corpus,
)
from aero.benchmark.training_report import markdown
from aero.benchmark.training_rows import DRY, FULL, WARMUP
from aero.benchmark.training_turns import Training
from aero.config.duration import parse_duration
from aero.core.command import run_command
from aero.core.files import write_text
from aero.core.options import Parser, whole
from aero.core.signals import Tidying

_FOR_TRAINING = 60  # seconds that the corpus must leave


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def parse(command_line: list[str] | None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 where it is wrong."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common(parser)
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="for the corpus (default: work in --out)"
    )
    parser.add_argument(
        "--steps",
        type=whole(1),
        metavar="N",
        help="of every row, over as many calls as they take (default: what --seconds allow)",
    )
    parser.add_argument(
        "--warmup",
        type=_duration,
        default=WARMUP,
        metavar="DURATION",
        help="as schedule.warmup: 5%%, 1600, 1e or 20Mt (default: 50%%)",
    )
    arguments = check_common(parser, parser.parse_args(command_line))
    arguments.work = (arguments.work or arguments.out / "work").resolve()
    return arguments


def report(training: Training, facts: dict[str, str], steps: int, out: Path, is_dry: bool) -> str:
    """Writes what has been trained, and returns the table."""
    training.store.write(left_out=training.left_out, failed=training.failed)
    lines = ["# Training", "", *machine_lines(facts), ""]
    of_corpus = corpus_facts(training.corpus)
    lines += markdown(training.store.measured(), of_corpus, training.size, steps, training.warmup)
    if training.left_out:
        lines += ["", f"Not finished because time ran out: {', '.join(training.left_out)}."]
    if is_dry:
        lines += ["", "A dry run: sizes of no interest."]
    text = "\n".join(lines) + "\n"
    write_text(out / "train.md", text)
    return text


def train(arguments: argparse.Namespace) -> int:
    """Returns 1 where a row failed; to diverge, or to run out of time, is not a failure."""
    budget = Budget(arguments.seconds)
    size = DRY if arguments.tiny else FULL
    facts = machine(arguments.aero, arguments.device)
    work = arguments.work
    corpus = work / ("corpus-tiny" if arguments.tiny else "corpus")
    recipe = dry_recipe() if arguments.tiny else full_recipe()
    with Tidying():
        made = require_corpus(corpus, recipe, budget.left() - _FOR_TRAINING)
        kind = {"device": arguments.device, "tiny": arguments.tiny, "steps": arguments.steps}
        kind |= {"warmup": arguments.warmup, "corpus": corpus_facts(corpus)}
        store = Store(arguments.out / "train.json", facts, kind)
        if made is not None:
            store.put("corpus", {"seconds": made})
        training = Training(
            arguments.aero,
            arguments.device,
            size,
            corpus,
            arguments.out / "train.runs",
            arguments.warmup,
            budget,
            store,
        )
        steps = training.plan(arguments.steps)
        try:
            training.take(steps)
        finally:
            text = report(training, facts, steps, arguments.out, arguments.tiny)
    print(text, end="")
    return 1 if training.failed else 0


def main(command_line: list[str] | None = None) -> int:
    """Runs the script, and returns its exit status."""
    return run_command(lambda: train(parse(command_line)))
