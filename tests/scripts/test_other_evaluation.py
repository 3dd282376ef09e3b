"""Tests that perplexities of different data, tokens, contexts or batches are not compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aero.commands import compare_members, plot
from aero.core.errors import UsageError
from aero.results.figures import pareto, shares
from aero.results.inputs import find_members, load_members
from aero.results.markdown import compare
from aero.results.sweep import read_sweep
from aero.results.tables import paper_tables
from results_folder import member, seed_run, write_run, write_sweep
from test_compare_members import rows_of

BATCHES = "eval.batches x eval.batch_size"
MEASURED = {"data.path": "data/one", "model.context": "8", BATCHES: "32"}


def trained(
    runs: Path, name: str, perplexity: float, change: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Returns a member of two seeds, evaluated as usual but for `change`."""
    config = {"train": {"batch_size": 8}}
    seeds = []
    for seed in (1, 2):
        folder = write_run(runs / name / f"seed-{seed}", {4: 1.0}, config=config | {"seed": seed})
        seeds.append(seed_run(seed, folder, perplexity=perplexity + seed))
    pi = {"comm_bytes": 1e9 * perplexity}
    entry = member(name, perplexity + 1.5, seeds, pi=pi, **changes)
    entry["perplexity"]["measured_on"] = MEASURED | (change or {})
    return entry


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"data.path": "data/two"}, ["data.path"]),
        ({"model.context": "16", BATCHES: "all"}, ["model.context", BATCHES]),
        ({"another": 1}, ["another"]),
        ({"data": "1 token"}, []),  # the other reports only its path
    ],
)
def test_the_evaluations_of_two_perplexities_are_compared(
    change: dict[str, Any], keys: list[str], tmp_path: Path
) -> None:
    members = [trained(tmp_path, "A", 2.0), trained(tmp_path, "B", 3.0, change)]
    first, second = read_sweep(write_sweep(tmp_path / "sweep.json", members)).members
    assert second.evaluated_otherwise(first) == first.evaluated_otherwise(second) == keys


@pytest.mark.parametrize(
    ("one", "two", "keys"),
    [
        ({"data": "1", "data.path": "a"}, {"data": "1", "data.path": "b"}, []),
        ({"data": "1"}, {"data": "2"}, ["data"]),
        ({"split": "whole", BATCHES: "all"}, {"split": "whole", BATCHES: "99"}, []),
        ({"split": "whole", BATCHES: "all"}, {BATCHES: "99"}, [BATCHES]),
    ],
)
def test_what_runs_report_counts_for_more(
    one: dict[str, Any], two: dict[str, Any], keys: list[str], tmp_path: Path
) -> None:
    members = [trained(tmp_path, "A", 2.0, one), trained(tmp_path, "B", 3.0, two)]
    first, second = read_sweep(write_sweep(tmp_path / "sweep.json", members)).members
    assert second.evaluated_otherwise(first) == first.evaluated_otherwise(second) == keys


def test_results_that_report_no_evaluation_are_compared(tmp_path: Path) -> None:
    members = [member("A", 2.0), member("B", 3.0), trained(tmp_path, "C", 4.0)]
    first, second, new = read_sweep(write_sweep(tmp_path / "sweep.json", members)).members
    assert not second.evaluated_otherwise(first)
    assert not new.evaluated_otherwise(first) and not first.evaluated_otherwise(new)


def test_members_of_other_evaluations_have_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    members = [
        trained(tmp_path, "A", 2.0),
        trained(tmp_path, "B", 3.0),
        trained(tmp_path, "C", 4.0, {"data.path": "data/two"}),
        trained(tmp_path, "D", 5.0, {BATCHES: 8, "model.context": 16}),
    ]
    file = write_sweep(tmp_path / "sweep.json", members)
    monkeypatch.setattr("sys.argv", ["compare_members.py", str(file)])
    assert compare_members.main() == 0
    printed = capsys.readouterr()
    rows = rows_of(printed.out)
    assert rows["B"][:3] == ["4.50 ± 0.71", "+1.00 ± 0.00", "+1.00, +1.00"]
    assert rows["C"][:3] == ["5.50 ± 0.71", "other evaluation", ""]
    assert rows["D"][1:3] == ["other evaluation", ""]
    assert printed.err == (
        'note: no difference is shown, evaluated otherwise than "A": "C" (data.path), '
        f'"D" (model.context, {BATCHES})\n'
    )


def test_a_front_is_of_one_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise C would beat B in both."""
    members = [
        trained(tmp_path, "A", 2.0),
        trained(tmp_path, "C", 1.0, {"data.path": "data/two"}),
        trained(tmp_path, "B", 1.5),
    ]
    file = write_sweep(tmp_path / "sweep.json", members)
    placed = pareto.points(load_members([file], []), "communication")
    assert [(point.label, point.on_front) for point in placed] == [("B", True), ("A", False)]
    note = 'note: left out, evaluated otherwise than "A": "C" (data.path)\n'
    assert capsys.readouterr().err == note


def test_a_front_is_of_the_evaluation_of_the_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The baseline need not be the first member, or among those that are drawn."""
    members = [
        trained(tmp_path, "C", 1.0, {"data.path": "data/two"}),
        trained(tmp_path, "B", 1.5),
        trained(tmp_path, "A", 2.0),
    ]
    file = write_sweep(tmp_path / "sweep.json", members, baseline="A")
    words = ["pareto", str(file), "--out", str(tmp_path / "front.pdf"), "--members"]
    assert plot.main([*words, "C", "B"]) == 0
    assert 'note: left out, evaluated otherwise than "A": "C" (data.path)\n' in (
        capsys.readouterr().err
    )
    assert plot.main([*words, "C"]) == 2
    assert capsys.readouterr().err == (
        'error: no member was evaluated as "A" was: nothing compares with it\n'
    )


def test_a_sweep_of_gamma_is_of_one_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def regularised(gamma: float, change: dict[str, Any] | None = None) -> dict[str, Any]:
        config = {"ereg": {"enabled": True, "gamma": gamma}}
        return trained(tmp_path, f"gamma={gamma}", 2.0, change, config=config)

    plain = trained(tmp_path, "SM", 2.0, {"data.path": "data/two"})
    other = regularised(0.3, {BATCHES: 8})
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
        trained(tmp_path, second, 3.0, {"data.path": "data/two"}),
    ]
    text = compare(table, read_sweep(write_sweep(tmp_path / f"{table.sweep}.json", members)))
    lines = [line for line in text.splitlines() if line.endswith("| other evaluation |")]
    assert len(lines) == 1 and lines[0].startswith(f"| {table.rows[1].name}")
