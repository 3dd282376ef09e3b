"""Makes a corpus of the Python files that are on the machine, so that no network is needed."""

from __future__ import annotations

import os
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

from aero.benchmark.processes import OutOfTime, ProcessFailed, run_process
from aero.core.errors import AeroError
from aero.core.jsonc import load_object
from aero.core.places import SCRIPTS


@dataclass(frozen=True)
class Recipe:
    """Holds what goes into the corpus."""

    sources: tuple[Path, ...]
    options: tuple[str, ...]


def python_folders() -> tuple[Path, ...]:
    """Returns the folders of this Python's library and its packages, none within another."""
    paths = sysconfig.get_paths()
    folders = {Path(paths[name]).resolve() for name in ("stdlib", "purelib", "platlib")}
    return tuple(sorted(f for f in folders if not folders & set(f.parents) and f.is_dir()))


def full_recipe() -> Recipe:
    """Returns the recipe of some ten million tokens in the papers' layout, with a vocabulary of
    their size.

    Training a BPE takes 0.4 s per megabyte on one core. Encoding takes 0.6 s per megabyte, which
    all cores share.
    """
    options = "--vocab-size 50000 --bpe-sample-bytes 50M --max-bytes 300M --val-fraction 0.01"
    return Recipe(python_folders(), tuple(f"{options} --layout chunk --context 128".split()))


def dry_recipe() -> Recipe:
    """Returns the recipe of a few thousand tokens of this project's own scripts."""
    options = "--vocab-size 600 --max-bytes 100k --val-fraction 0.2 --layout chunk --context 16"
    return Recipe((SCRIPTS / "aero" / "results",), (*options.split(), "--workers", "1"))


def require_corpus(folder: Path, recipe: Recipe, limit: float) -> float | None:
    """Makes the corpus, and returns the seconds that it took; None where it exists already.

    Raises AeroError where it cannot be made within `limit` seconds.
    """
    if (folder / "manifest.json").is_file():
        return None
    if limit <= 0:
        raise AeroError(f"{folder}: no time is left to make the corpus; give more --seconds")
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(SCRIPTS / "prepare_corpus.py"), *map(str, recipe.sources)]
    command += ["--include", "*.py", *recipe.options, "--out", str(folder)]
    log = folder.with_suffix(".log")
    start = time.monotonic()
    try:
        run_process(command, log, limit, grace=10, environment=dict(os.environ))
    except OutOfTime:
        raise AeroError(
            f"{folder}: the corpus was not made within {limit:.0f} s; give more --seconds"
        ) from None
    except ProcessFailed as error:
        raise AeroError(f"{folder}: prepare_corpus.py failed:\n{error.output}") from error
    return time.monotonic() - start


def corpus_facts(folder: Path) -> dict[str, int | str]:
    """Returns what the corpus holds, and the hash that identifies it."""
    manifest = load_object(folder / "manifest.json")
    counts = manifest["counts"]
    return {
        "documents_sha256": manifest["documents_sha256"],
        "vocabulary": manifest["tokenizer"]["vocab_size"],
        "files": counts["train"]["documents"] + counts["val"]["documents"],
        "bytes": counts["train"]["bytes"] + counts["val"]["bytes"],
        "training_tokens": counts["train"]["tokens"],
        "held_out_tokens": counts["val"]["tokens"],
    }
