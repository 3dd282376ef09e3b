"""Perplexities of other data, tokens, contexts or batches are held against none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import compare_members
from aero_results.errors import UsageError
from aero_results.figures import pareto, shares
from aero_results.inputs import find_members, load_members
from aero_results.markdown import compare
from aero_results.sweep import read_sweep
from aero_results.tables import paper_tables
from results_folder import member, seed_run, write_run, write_sweep
from test_compare_members import rows_of

BATCHES = "eval.batches x eval.batch_size"
CONFIG: dict[str, Any] = {
    "data": {"path": "data/one"},
    "train": {"batch_size": 8},
    "eval": {"batches": 4, "batch_size": 0},
}
Change = tuple[str, str, Any]  # section, key, value


def config_with(change: Change | None) -> dict[str, Any]:
    if change is None:
        return CONFIG
    section, key, value = change
    return CONFIG | {section: CONFIG.get(section, {}) | {key: value}}


def trained(
    runs: Path, name: str, perplexity: float, change: Change | None = None, **changes: Any
) -> dict[str, Any]:
    """A member of two seeds, with the folders of its runs."""
    seeds = []
    for seed in (1, 2):
        folder = write_run(
            runs / name / f"seed-{seed}", {4: 1.0}, config=config_with(change) | {"seed": seed}
        )
        seeds.append(seed_run(seed, folder, perplexity=perplexity + seed))
    return member(name, perplexity + 1.5, seeds, pi={"comm_bytes": 1e9 * perplexity}, **changes)


def differing(file: Path) -> list[str]:
    """The keys in which the second member's evaluation differs from the first one's."""
    first, second = read_sweep(file).members
    return second.evaluated_otherwise(first)


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (None, []),
        (("data", "path", "data/two"), ["data.path"]),
        (("data", "path", "./data/one/"), []),
        (("eval", "batches", 8), [BATCHES]),
        (("eval", "batches", 0), [BATCHES]),
        (("eval", "batch_size", 8), []),
        (("eval", "batch_size", 4), [BATCHES]),
        (("train", "batch_size", 16), [BATCHES]),
        (("train", "dtype", "float16"), []),
    ],
)
def test_configs_of_runs_tell_what_differs(
    change: Change | None, keys: list[str], tmp_path: Path
) -> None:
    members = [trained(tmp_path, "A", 2.0), trained(tmp_path, "B", 3.0, change)]
    assert differing(write_sweep(tmp_path / "sweep.json", members)) == keys


def test_a_longer_context_and_another_tokenizer_are_others(tmp_path: Path) -> None:
    members = [trained(tmp_path, "A", 2.0), trained(tmp_path, "B", 3.0, config={"context": 16})]
    file = write_sweep(tmp_path / "sweep.json", members)
    assert differing(file) == ["model.context"]
    (tmp_path / "A" / "seed-1" / "tokenizer.json").write_text("{}")
    assert differing(file) == ["model.context"]  # nothing is known of the other's
    state = tmp_path / "B" / "seed-1" / "checkpoints" / "step-00000004" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"tokenizer_sha256": "ab" * 32}))
    assert differing(file) == ["tokenizer", "model.context"]


def test_without_the_folders_what_the_sweep_sets_tells(tmp_path: Path) -> None:
    gone = [seed_run(1, tmp_path / "gone")]
    settings = {"data.path": "data/two", "eval.batches": 2}
    members = [member("A", 2.0, gone), member("B", 3.0, gone, set=settings)]
    file = write_sweep(tmp_path / "sweep.json", members)
    assert differing(file) == ["data.path", BATCHES]
    members[0]["set"] = settings
    assert differing(write_sweep(file, members)) == []


def test_members_of_other_evaluations_have_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    members = [
        trained(tmp_path, "A", 2.0),
        trained(tmp_path, "B", 3.0),
        trained(tmp_path, "C", 4.0, ("data", "path", "data/two")),
        trained(tmp_path, "D", 5.0, ("eval", "batches", 1), config={"context": 16}),
    ]
    file = write_sweep(tmp_path / "sweep.json", members)
    monkeypatch.setattr("sys.argv", ["compare_members.py", str(file)])
    assert compare_members.main() == 0
    told = capsys.readouterr()
    rows = rows_of(told.out)
    assert rows["B"][:3] == ["4.50 ± 0.71", "+1.00 ± 0.00", "+1.00, +1.00"]
    assert rows["C"][:3] == ["5.50 ± 0.71", "other evaluation", ""]
    assert rows["D"][1:3] == ["other evaluation", ""]
    assert told.err == (
        'note: no difference is shown, evaluated otherwise than "A": "C" (data.path), '
        f'"D" (model.context, {BATCHES})\n'
    )


def test_a_front_is_of_one_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C would else beat B in both."""
    members = [
        trained(tmp_path, "A", 2.0),
        trained(tmp_path, "C", 1.0, ("data", "path", "data/two")),
        trained(tmp_path, "B", 1.5),
    ]
    file = write_sweep(tmp_path / "sweep.json", members)
    placed = pareto.points(load_members([file], []), "communication")
    assert [(point.label, point.on_front) for point in placed] == [("B", True), ("A", False)]
    note = 'note: left out, evaluated otherwise than "A": "C" (data.path)\n'
    assert capsys.readouterr().err == note


def test_a_sweep_of_gamma_is_of_one_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def regularised(gamma: float, change: Change | None = None) -> dict[str, Any]:
        config = {"ereg": {"enabled": True, "gamma": gamma}}
        return trained(tmp_path, f"gamma={gamma}", 2.0, change, config=config)

    plain = trained(tmp_path, "SM", 2.0, ("data", "path", "data/two"))
    other = regularised(0.3, ("eval", "batches", 1))
    file = write_sweep(tmp_path / "all.json", [plain, regularised(0.1), other, regularised(0.2)])
    points = shares.gamma_points(find_members([file], []))
    assert [point.gamma for point in points] == [0.1, 0.2]
    assert f'evaluated otherwise than "gamma=0.1": "gamma=0.3" ({BATCHES})\n' in (
        capsys.readouterr().err
    )
    with pytest.raises(UsageError, match="at least two gammas"):
        shares.gamma_points(find_members([file], ["gamma=0.1", "gamma=0.3"]))


def test_a_table_beside_the_papers_has_no_change_between_evaluations(tmp_path: Path) -> None:
    table = next(iter(paper_tables().values()))
    first, second = (row.architecture for row in table.rows[:2])
    members = [
        trained(tmp_path, first, 2.0),
        trained(tmp_path, second, 3.0, ("data", "path", "data/two")),
    ]
    text = compare(table, read_sweep(write_sweep(tmp_path / f"{table.sweep}.json", members)))
    lines = [line for line in text.splitlines() if line.endswith("| other evaluation |")]
    assert len(lines) == 1 and lines[0].startswith(f"| {table.rows[1].name}")
