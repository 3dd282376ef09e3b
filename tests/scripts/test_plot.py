"""Tests the numbers behind the figures of plot.py, by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aero.checkpoint.run_folder import layer_number, read_run
from aero.commands import plot
from aero.core.errors import AeroError, UsageError
from aero.results.figures import heads, layers, loss, nonfinite, pareto, records, shares
from aero.results.inputs import Series, find_members, load_members, load_series
from results_folder import entropy_line, member, plotted_sweep, seed_run, write_run, write_sweep

LINES = [entropy_line(2), entropy_line(4)]


def series(*folders: Path, label: str = "model") -> Series:
    return Series(label, [read_run(folder) for folder in folders])


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return plotted_sweep(tmp_path / "runs")


def test_the_curve_of_a_series_is_the_mean_over_its_seeds(tmp_path: Path):
    one = write_run(tmp_path / "seed-1", {2: 2.0, 4: 1.0})
    two = write_run(tmp_path / "seed-2", {2: 3.0, 4: 2.0})
    [curve] = loss.curves([series(one, two)], "evaluation", "loss", "steps")
    assert curve.x.tolist() == [2, 4]
    assert curve.mean.tolist() == [2.5, 1.5]
    assert curve.deviation is not None
    np.testing.assert_allclose(curve.deviation, math.sqrt(0.5))


def test_a_single_run_has_no_spread(tmp_path: Path):
    run = write_run(tmp_path / "run", {2: 2.0})
    assert loss.curves([series(run)], "evaluation", "loss", "steps")[0].deviation is None


def test_a_mean_ends_where_the_first_seed_does(tmp_path: Path):
    one = write_run(tmp_path / "seed-1", {2: 2.0, 4: 1.0})
    event = {"step": 3, "quantity": "loss", "layer": "blocks.0", "parameter": ""}
    two = write_run(tmp_path / "seed-2", {2: 3.0}, nonfinite=event)
    [curve] = loss.curves([series(one, two)], "evaluation", "loss", "steps")
    assert curve.x.tolist() == [2]
    assert curve.ends == [(2.0, 3.0)]
    assert [y.tolist() for _, y in curve.runs] == [[2.0, 1.0], [3.0]]


def test_perplexity_is_averaged_and_tokens_are_millions(tmp_path: Path):
    one = write_run(tmp_path / "seed-1", {2: 0.0, 4: math.log(3)})
    two = write_run(tmp_path / "seed-2", {2: 0.0, 4: math.log(5)})
    [curve] = loss.curves([series(one, two)], "evaluation", "perplexity", "tokens")
    np.testing.assert_allclose(curve.mean, [1, 4])
    np.testing.assert_allclose(curve.x, [0.001, 0.002])


def test_training_loss_is_smoothed_over_whole_windows(tmp_path: Path):
    run = write_run(tmp_path / "run", {5: 1.0})
    [curve] = loss.curves([series(run)], "training", "loss", "steps", smooth=2)
    assert curve.x.tolist() == [2, 4]
    assert curve.mean.tolist() == [8.5, 6.5]


def test_an_evaluation_that_is_not_finite_is_not_a_point(tmp_path: Path):
    run = write_run(tmp_path / "run", {2: 2.0, 4: None})
    assert loss.curves([series(run)], "evaluation", "loss", "steps")[0].x.tolist() == [2]


def test_heads_without_a_finite_row_are_missing_from_the_mean_of_their_layer(tmp_path: Path):
    lines = [entropy_line(2), entropy_line(4, entropy=[[0.4, None, 0.2], [None] * 3])]
    steps, values = layers.layer_entropy(read_run(write_run(tmp_path / "run", {4: 1.0}, lines)))
    assert steps.tolist() == [2, 4]
    np.testing.assert_allclose(values, [[0.6, 0.5], [0.3, np.nan]])


def test_bins_of_all_models_end_at_the_largest_head_of_all(tmp_path: Path):
    """Heads have 2, 1 and 0.5 nats, and 0.4 and 0.1; quarters of 2 nats are 0.5 wide."""
    wide = write_run(
        tmp_path / "wide", {4: 1.0}, [entropy_line(4, entropy=[[2.0, 1.0, 0.5], [None] * 3])]
    )
    narrow = write_run(
        tmp_path / "narrow", {4: 1.0}, [entropy_line(4, entropy=[[0.4, 0.1, None], [None] * 3])]
    )
    found = [[shares.finite_heads(read_run(folder), None)] for folder in (wide, narrow)]
    together, largest = shares.shared_bins(found)
    assert largest == 2.0
    np.testing.assert_allclose(together, [[0, 1 / 3, 1 / 3, 1 / 3], [1, 0, 0, 0]])
    alone, largest = shares.shared_bins(found[1:])
    assert largest == 0.4
    np.testing.assert_allclose(alone, [[0, 0.5, 0, 0.5]])


def test_bins_are_averaged_over_seeds(tmp_path: Path):
    heads = [np.array([1.0, 1.0]), np.array([0.1, 0.6])]
    np.testing.assert_allclose(shares.shared_bins([heads])[0], [[0.25, 0, 0.25, 0.5]])


def test_a_seed_without_a_finite_head_has_no_bins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    one = write_run(tmp_path / "seed-1", {4: 1.0}, LINES)
    two = write_run(tmp_path / "seed-2", {4: 1.0}, [entropy_line(4, entropy=[[None] * 3] * 2)])
    out = str(tmp_path / "bins.svg")
    assert plot.main(["bins", str(one), str(two), "--out", out]) == 0
    captured = capsys.readouterr()
    assert "left out, no entropy bins; no head had a finite row:" in captured.err
    assert plot.main(["bins", str(two), "--out", out]) == 2


def test_thresholds_are_those_of_the_step_that_is_asked_for(tmp_path: Path):
    early = entropy_line(2, thresholds=[[0.1, 0.1, 0.1], [0.2, 0.2, 0.2]])
    run = read_run(write_run(tmp_path / "run", {4: 1.0}, [early, entropy_line(4)]))
    assert heads.thresholds(run, 2)[1].tolist() == [[0.1, 0.1, 0.1], [0.2, 0.2, 0.2]]
    assert heads.thresholds(run, None)[0].step == 4


def test_a_pruned_layer_has_no_scale(tmp_path: Path):
    line = entropy_line(4, alpha=[1.5, None])
    run = read_run(write_run(tmp_path / "run", {4: 1.0}, [line]))
    _, values = records.history(run, "alpha")
    np.testing.assert_allclose(values, [[1.5, np.nan]])


def test_rows_that_are_not_finite_are_counted_by_step_and_layer(tmp_path: Path):
    lines = [entropy_line(2), entropy_line(4, nonfinite_rows=[0, 64])]
    steps, counts = nonfinite.counts(read_run(write_run(tmp_path / "run", {4: 1.0}, lines)))
    assert steps.tolist() == [2, 4]
    assert counts.tolist() == [[0, 0], [0, 64]]


@pytest.mark.parametrize(
    ("value", "layer"),
    [("blocks.3.attention", 3), ("blocks.11", 11), (2, 2), ("4", 4), ("head", None), ("", None)],
)
def test_a_layer_is_read_from_the_name_of_a_module(value: Any, layer: int | None):
    assert layer_number(value) == layer


def test_gamma_points_are_in_order_of_gamma_and_leave_out_what_has_no_regulariser(sweep: Path):
    points = shares.gamma_points(find_members([sweep], []))
    assert [point.gamma for point in points] == [0.1, 0.2]
    assert [point.found.member.perplexity for point in points] == [3.1, 3.2]


def test_a_gamma_that_two_members_have_is_refused(sweep: Path):
    members = find_members([sweep, sweep], [])
    with pytest.raises(AeroError, match="two members have one gamma"):
        shares.gamma_points(members)


def test_the_front_holds_what_no_other_model_beats_in_both(tmp_path: Path):
    found = {"cheap": (5.0, 1e9), "dear": (2.0, 9e9), "between": (3.0, 4e9), "beaten": (3.5, 4e9)}
    members = [member(name, ppl, pi={"comm_bytes": cost}) for name, (ppl, cost) in found.items()]
    members.append(member("diverged", None, pi={"comm_bytes": 1.0}))
    file = write_sweep(tmp_path / "sweep.json", members)
    points = pareto.points(load_members([file], []), "communication")
    assert [(point.label, point.cost, point.on_front) for point in points] == [
        ("cheap", 1.0, True),
        ("between", 4.0, True),
        ("beaten", 4.0, False),
        ("dear", 9.0, True),
    ]


def test_flops_are_those_of_ffn_and_attention(sweep: Path):
    points = pareto.points(load_members([sweep], ["SM"]), "flops")
    assert [point.cost for point in points] == [0.004]


def test_a_sweep_without_communication_says_what_to_take_instead(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert plot.main(["pareto", str(sweep), "--out", str(tmp_path / "figure")]) == 2
    assert "take --x flops or --x parameters" in capsys.readouterr().err


def test_members_come_in_the_order_of_the_command_line(sweep: Path):
    found = load_series([sweep], ["SM", "gamma=0.1"], [])
    assert [each.label for each in found] == ["SM", "gamma=0.1"]
    assert [len(each.runs) for each in found] == [2, 1]


def test_runs_are_found_beside_a_sweep_that_was_moved(sweep: Path, tmp_path: Path):
    moved = tmp_path / "moved"
    sweep.parent.rename(moved)
    assert len(load_series([moved / "all.json"], ["SM"], [])[0].runs) == 2


def test_a_member_that_has_not_begun_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    begun = write_run(tmp_path / "SM" / "seed-1", {2: 1.0})
    waiting = seed_run(1, tmp_path / "SM+R" / "seed-1", state="unfinished", steps=0)
    members = [member("SM", 2.7, [seed_run(1, begun)]), member("SM+R", None, [waiting])]
    file = write_sweep(tmp_path / "all.json", members)
    assert [each.label for each in load_series([file], [], [])] == ["SM"]
    assert "left out: " in (noted := capsys.readouterr().err) and "SM+R/seed-1" in noted
    with pytest.raises(UsageError, match="SM\\+R/seed-1: no such file or folder"):
        load_series([file], ["SM+R"], [])


def test_a_last_line_that_was_torn_is_left_out_and_another_is_an_error(tmp_path: Path):
    run = write_run(tmp_path / "run", {2: 1.0})
    file = run / "metrics.jsonl"
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole + '{"step": 3, "lo', encoding="utf-8")
    assert [step for step, _ in read_run(run).losses] == [1, 2]
    file.write_text('{"step": 3, "lo\n' + whole, encoding="utf-8")
    with pytest.raises(AeroError, match=r"metrics\.jsonl: line 1: not JSON"):
        read_run(run)
