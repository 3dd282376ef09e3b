"""States in plain sentences how far our figures and the papers' compare."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from aero.core.errors import AeroError
from aero.core.jsonc import load_object
from aero.results.outcome import NOT_RUN, outcome
from aero.results.sweep import Member, Sweep, find_run_folder
from aero.results.tables import Line, Table

_SIZES = {"n_layer": "L", "n_head": "H", "d_model": "d", "context": "T"}


def _list(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))


def _size(model: dict[str, Any]) -> str:
    return ", ".join(f"{letter} = {model.get(key, '?')}" for key, letter in _SIZES.items())


def _sizes(table: Table, members: list[Member]) -> str:
    ours = list(dict.fromkeys(_size(member.config) for member in members))
    paper = _size(table.model)
    if ours == [paper]:
        return f"Size: that of the papers ({paper})."
    return (
        f"Size: ours {'; '.join(ours)}, the papers {paper}. Perplexities, FLOPs and operations do "
        "not compare as such; the order of the rows and the changes in percent do, with care."
    )


def _run_config(sweep: Sweep, members: list[Member]) -> dict[str, Any] | None:
    """Reads the config of the first run whose folder is at hand."""
    for member in members:
        for run in member.runs:
            file = find_run_folder(sweep.file, run.folder) / "config.json"
            with contextlib.suppress(AeroError):
                return load_object(file)
    return None


def _corpus(table: Table, members: list[Member], config: dict[str, Any] | None) -> str:
    vocabulary = _list(member.config.get("vocab_size", "?") for member in members)
    path = (config or {}).get("data", {}).get("path")
    ours = f'"{path}"' if path else "a corpus that the result does not name"
    return (
        f"Corpus: ours {ours}, vocabulary of {vocabulary}; the papers {table.corpus}. Perplexities "
        "a token compare only where corpus, tokenizer and held-out split are the same."
    )


def _tokens(table: Table, members: list[Member]) -> str:
    counts = [run.tokens for member in members for run in member.runs if run.state == "finished"]
    paper = f"the papers {table.tokens / 1e9:.4g} G"
    if not counts:
        return f"Tokens: no run has finished; {paper}."
    low, high = min(counts) / 1e6, max(counts) / 1e6
    ours = f"{low:.4g} M" if low == high else f"{low:.4g} to {high:.4g} M"
    share = 100 * max(counts) / table.tokens
    return f"Tokens of a run: ours {ours}, {paper} ({share:.2g}% of it)."


def _seeds(members: list[Member]) -> str:
    seeds = _list(run.seed for member in members for run in member.runs)
    return (
        f"Seeds: ours {seeds or 'none'}; ± is the sample standard deviation over finished seeds. "
        "The papers give one figure without a spread."
    )


def _final_norm(members: list[Member]) -> str:
    kept = {bool(member.config.get("final_norm", True)) for member in members}
    if kept == {True}:
        which = "kept in all of ours, as in the authors' public code"
    elif kept == {False}:
        which = "absent in all of ours"
    else:
        which = "kept in some of ours: see each run's config"
    return f"Norm before the head (ln_f): {which}; the papers' counts list none."


def _initialisation(members: list[Member]) -> str:
    stds = _list(
        "1/sqrt(d)" if member.config.get("init") == "width" else member.config.get("init_std", "?")
        for member in members
    )
    scaled = _list(
        "smaller by sqrt(2L)" if member.config.get("residual_scaling", True) else "as all others"
        for member in members
        if member.config.get("family") != "simplified"
    )
    projections = f" Output projections: ours {scaled}; theirs as all others." if scaled else ""
    return f"Initial std: ours {stds}; the authors' public code 0.02.{projections}"


def _batch(table: Table, config: dict[str, Any] | None) -> list[str]:
    train = (config or {}).get("train", {})
    if "batch_size" not in train:
        return []
    contexts = train["batch_size"] * train.get("accumulation", 1)
    # The authors' public code has 128 x accumulation 4.
    paper = "512" if table.corpus.startswith("CodeParrot") else "a number that is not published"
    return [f"Contexts a step: ours {contexts}, the papers {paper}."]


def _precision(config: dict[str, Any] | None) -> list[str]:
    dtype = (config or {}).get("train", {}).get("dtype")
    return [f"Matrix products: ours in {dtype}, the papers' in float16."] if dtype else []


def _regulariser(members: list[Member]) -> list[str]:
    regularised = [member for member in members if member.config.get("ereg", {}).get("enabled")]
    if not regularised:
        return []
    settings = _list(
        f"reduction {ereg.get('reduction')}, lambda {ereg.get('lambda')}, gamma {ereg.get('gamma')}"
        f", temperature {member.config.get('temperature')} from "
        f"{member.config.get('temperature_init')}"
        for member in regularised
        for ereg in [member.config["ereg"]]
    )
    return [f"Entropy regularisation: ours {settings}."]


def _gaps(lines: list[Line]) -> list[str]:
    def names(found: Iterable[Line]) -> str:
        return _list(line.row.name for line in found)

    found = []
    if missing := names(line for line in lines if outcome(line.member) == NOT_RUN):
        found.append(f"Not run: {missing}.")
    begun = [line for line in lines if outcome(line.member) != NOT_RUN]
    runs = [(line, run) for line in begun if line.member for run in line.member.runs]
    if open_ones := names(line for line, run in runs if run.state == "unfinished"):
        found.append(f"Not finished in every seed: {open_ones}.")
    if diverged := names(line for line, run in runs if run.state == "nonfinite"):
        found.append(
            f"Diverged in some seed: {diverged}. A mean over the seeds that finished is no measure "
            "of what diverged."
        )
    if nan := names(line for line in lines if line.row.perplexity is None):
        found.append(f"NaN in the papers: {nan}.")
    return found


def statements(table: Table, sweep: Sweep, lines: list[Line]) -> list[str]:
    """Returns the statements, each of a sentence or two."""
    members = list({id(line.member): line.member for line in lines if line.member}.values())
    if not members:
        return [f"Nothing of this table has been run (sweep {table.sweep})."]
    config = _run_config(sweep, members)
    names = sorted({member.cost_model for member in members if member.cost_model})
    beside = (
        f"ours are predicted by the cost model {', '.join(names)} for the size above"
        if names
        else "ours are left out: this table has no cost model (give one with --costs)"
    )
    costs = f"Communication and latency are the papers' own measurements; {beside}."
    return [
        _sizes(table, members),
        _corpus(table, members, config),
        _tokens(table, members),
        _seeds(members),
        _final_norm(members),
        _initialisation(members),
        *_batch(table, config),
        *_precision(config),
        *_regulariser(members),
        *([costs] if table.has_costs else []),
        *_gaps(lines),
    ]
