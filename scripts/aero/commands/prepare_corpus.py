"""Turns folders, globs, text and JSONL files into a corpus that AERO trains on.

See docs/data.md for recipes, the filters and the file formats.

Example:
  scripts/prepare_corpus.py scripts --include '*.py' --vocab-size 4000 --val-fraction 0.1 --out own
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from aero.commands.corpus_options import build_parser, settings_of
from aero.corpus.errors import CorpusError, describe_os_error
from aero.corpus.standard_output import SIGPIPE_CODE, run_printing
from aero.corpus.stopping import Undo, stop_on_signals

_NEEDED = "numpy, tokenizers and tqdm"


def print_summary(manifest: dict[str, Any], out: Path) -> None:
    """Prints the counts of a finished run."""
    counts, tokenizer = manifest["counts"], manifest["tokenizer"]
    print(f"{out}: {manifest['layout']} layout, vocabulary {tokenizer['vocab_size']:,}")
    print(f"  {'documents seen':<22}{counts['documents']:>15,}")
    for name, documents in counts["dropped"].items():
        if documents:
            print(f"  {'- ' + name:<22}{documents:>15,}")
    for what, found in counts["no_text"].items():
        print(f"    {what + ',':<20}{found['documents']:>15,}, the first: {found['example']}")
    for split in ("train", "val"):
        kept, shards = counts[split], len(manifest["splits"][split])
        print(
            f"  {split:<22}{kept['documents']:>15,} documents, {kept['tokens']:,} tokens, "
            f"{kept['characters']:,} characters, {kept['bytes']:,} bytes, {shards} shard(s)"
        )


def run(argv: list[str] | None = None, undo: Undo | None = None) -> int:
    """Runs the program, and returns its exit code; `undo` knows what a signal must remove."""
    parser = build_parser(__doc__)
    args = parser.parse_args(argv)
    settings = settings_of(args, parser)
    os.environ.setdefault("RAYON_NUM_THREADS", str(args.workers))
    try:
        pipeline = importlib.import_module("aero.corpus.pipeline")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "aero":
            raise
        print(
            f"error: the Python package {error.name} is missing; pip install {_NEEDED}",
            file=sys.stderr,
        )
        return 1
    undo = undo or Undo()
    try:
        with undo.giving_way():
            manifest = pipeline.prepare(
                settings, args.out, args.workers, args.overwrite, args.quiet, undo
            )
    except CorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    except BrokenPipeError:  # the reader of its messages has closed
        return SIGPIPE_CODE
    except OSError as error:
        print(f"error: {describe_os_error(error)}", file=sys.stderr)
        return 1
    except MemoryError:
        print("error: not enough memory; use a smaller --max-document-bytes", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was kept", file=sys.stderr)
        return 128 + signal.SIGINT
    if not args.quiet:
        print_summary(manifest, args.out)
    return 0


def run_as_program() -> int:
    """Runs the program under signals that end it at once."""
    undo = Undo()
    stop_on_signals(undo)
    try:
        return run(undo=undo)
    except SystemExit as stop:  # --help, or a wrong command line
        return stop.code if isinstance(stop.code, int) else 1


def main() -> int:
    """Runs the script, and returns its exit status."""
    return run_printing(run_as_program)
