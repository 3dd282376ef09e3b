"""Tests figures as a reader sees them: nothing overprinted or cut off, every mark explained."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from aero.commands import plot
from aero.results.figures import layers, loss, pareto, scales, style
from aero.results.figures.text import text_width, wrap
from aero.results.inputs import load_members, load_series
from results_folder import entropy_line, member, seed_run, write_run, write_sweep

NAMES = [
    *("SM+LN+G", "SM+ScFFN", "alpha=0.3 t0=0.01 EReg(SM(t)+ScFuFFN)", "SM+ScFuFFN_i2"),
    *(
        "simplified SM+RMS+R+ScFFN",
        "raw t0=0.01 lambda=1e-05 gamma=0.05 row_sum EReg(SM(t)+ScFuFFN)",
        "SM",
        "SM+R",
        "SM+G",
    ),
]
MODEL = {"cost_model": "spu_0.9.5_default_colocated", "network": "wan", "latency_s": 60.0}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    """Makes a sweep of so many members and seeds; the second member's last seed ends early."""

    def sweep(count: int, seeds: int) -> Path:
        folder = tmp_path_factory.mktemp(f"sweep-{count}-{seeds}")
        members = []
        for index, name in enumerate(NAMES[:count]):
            runs = []
            for seed in range(1, seeds + 1):
                place = folder / str(index) / f"seed-{seed}"
                early = index == 1 and seed == seeds > 1
                steps = (200,) if early else (200, 400, 600)
                event = {"step": 201, "quantity": "loss", "layer": "blocks.1"} if early else None
                run = write_run(
                    place,
                    dict.fromkeys(steps, 3.0 + 0.1 * index + 0.01 * seed),
                    [entropy_line(step) for step in steps],
                    nonfinite=event,
                )
                state = "nonfinite" if early else "finished"
                runs.append(seed_run(seed, run, state=state, perplexity=20.0 * 1.3**index + seed))
            members.append(
                member(
                    name,
                    20.0 * 1.3**index,
                    runs,
                    std=0.5 if seeds > 1 else None,
                    config={"ereg": {"enabled": True, "gamma": 0.05 * index}},
                    pi=MODEL | {"comm_bytes": 2e9 / 1.2**index},
                )
            )
        return write_sweep(folder / "sweep.json", members)

    return functools.cache(sweep)


def drawn(kind: str, file: Path, width: str, *options: str) -> Figure:
    style.apply_style()
    parsed = plot.parse_arguments([kind, str(file), "--out", "x", "--width", width, *options])
    figure = plot.KINDS[kind][0](parsed)
    FigureCanvasAgg(figure).draw()
    return figure


def ticks_within(ax: Axes) -> list[Text]:
    """Lists the tick labels that are drawn; Matplotlib keeps others beyond the limits."""
    found = []
    for axis, limits in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
        slack = 1e-6 * (limits[1] - limits[0])
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False):
            if limits[0] - slack <= place <= limits[1] + slack:
                found.append(label)
    return found


def texts(figure: Figure) -> list[Text]:
    every = [each for each in figure.findobj(Text) if isinstance(each, Text)]
    ticks = {
        id(label)
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for label in axis.get_ticklabels(which="both")
    }
    found = [each for each in every if id(each) not in ticks]
    shown = [ax for ax in figure.axes if ax.axison]
    found += [label for ax in shown for label in ticks_within(ax)]
    hidden = {id(each) for ax in figure.axes if not ax.axison for each in ax.findobj(Text)}
    return [
        each for each in found if each.get_text() and each.get_visible() and id(each) not in hidden
    ]


def boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    return [(each.get_text(), each.get_window_extent()) for each in texts(figure)]


SIZES = (
    pytest.param((2, 1), marks=pytest.mark.slow),
    (9, 1),
    pytest.param((3, 3), marks=pytest.mark.slow),
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("kind", plot.KINDS)
def test_no_text_lies_on_another_or_beyond_the_figure(
    kind: str, width: str, size: tuple[int, int], make: Callable[[int, int], Path]
):
    figure = drawn(kind, make(*size), width)
    page = figure.bbox.padded(1)
    placed = boxes(figure)
    assert len(placed) > 4
    for text, box in placed:
        assert page.x0 <= box.x0 and box.x1 <= page.x1, f"{text!r} is cut off at the side"
        assert page.y0 <= box.y0 and box.y1 <= page.y1, f"{text!r} is cut off above or below"
    for (one, a), (other, b) in itertools.combinations(placed, 2):
        shared = Bbox.intersection(a, b)
        overlap = 0 if shared is None else min(shared.width, shared.height)
        assert overlap < 2, f"{one!r} lies on {other!r}"


def lightness(color: str) -> float:
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_no_colour_stands_for_two_series():
    for count in range(1, 60):
        assert len(set(style.colors(count))) == count
    known = style.colors(15)
    for one, other in itertools.combinations(known, 2):
        assert math.dist(to_rgb(one), to_rgb(other)) > 0.15
    assert max(map(lightness, known)) < 0.75  # visible on white paper


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_every_dash_of_a_layer_figure_is_in_its_legends(make: Callable[[int, int], Path]):
    figure = drawn("entropy-layers", make(3, 3), "page")
    assert figure.legends[0].get_title().get_text() == "layer"
    said = legend_texts(figure)
    assert said[:2] == ["0", "1"]
    assert "uniform attention" in said and "a single seed" in said
    assert "±1 standard deviation over 3 seeds" in said
    assert len(figure.axes) == 3, "a colour bar would be a fourth"
    handles = [line for legend in figure.legends for line in legend.get_lines()]
    explained = {(to_hex(line.get_color()), str(line.get_linestyle())) for line in handles}
    lines = [line for ax in figure.axes for line in ax.get_lines()]
    drawn_ones = {(to_hex(line.get_color()), str(line.get_linestyle())) for line in lines}
    assert len(drawn_ones) == 3 and drawn_ones <= explained


def test_a_front_says_what_its_marks_are_and_whose_costs_these_are(
    make: Callable[[int, int], Path],
):
    figure = drawn("pareto", make(9, 1), "column")
    said = " ".join(legend_texts(figure)).replace("\n", "")
    assert "front" in said and all(name in said.replace(" ", "") for name in ("SM+LN+G", "SM+R"))
    label = figure.axes[0].get_xlabel().replace("\n", "")
    assert "spu_0.9.5_default_colocated over wan" in label


def test_all_seeds_are_drawn_where_one_ended_early(make: Callable[[int, int], Path]):
    [_, diverged, _] = load_series([make(3, 3)], [], [])
    figure = loss.draw([diverged], 7.0, "evaluation", "loss", "steps", 1)
    ax = figure.axes[0]
    thin = [line for line in ax.get_lines() if line.get_linewidth() == 0.5]
    assert sorted(len(line.get_xdata()) for line in thin) == [1, 3, 3]
    assert "stopped at a value that is not finite" in legend_texts(figure)
    layered = layers.draw_entropy([diverged], 7.0).axes[0]
    thin = [line for line in layered.get_lines() if line.get_linewidth() == 0.5]
    assert sorted(len(line.get_xdata()) for line in thin) == [1, 1, 3, 3, 3, 3]


def members_of(tmp_path: Path, costs: dict[str, tuple[float, list[float]]]) -> Path:
    """Writes members by name: communication in bytes, and perplexities of the seeds 1, 2, ..."""
    members = []
    for name, (cost, values) in costs.items():
        runs = [seed_run(n, tmp_path, perplexity=value) for n, value in enumerate(values, 1)]
        pi = {"comm_bytes": cost, "cost_model": "m", "network": None}
        members.append(member(name, float(np.mean(values)), runs, pi=pi))
    return write_sweep(tmp_path / "sweep.json", members)


def test_what_the_seeds_leave_open_is_level(tmp_path: Path):
    """Of three differences the interval is ± 4.303 s / sqrt(3): of 1, 1.2, 0.8 it is 1 ± 0.497, of
    1, -1, 1.5 it is 0.5 ± 3.287.
    """
    costs = {
        "cheap": (1e9, [10.0, 10.0, 10.0]),
        "worse": (2e9, [11.0, 11.2, 10.8]),
        "level": (2e9, [11.0, 9.0, 11.5]),
        "one seed": (3e9, [20.0]),
    }
    found = pareto.points(load_members([members_of(tmp_path, costs)], []), "communication")
    marks = {point.label: (point.on_front, point.is_level) for point in found}
    assert marks == {
        "cheap": (True, False),
        "worse": (False, False),
        "level": (False, True),
        "one seed": (False, False),
    }


def test_the_interval_is_students(tmp_path: Path):
    file = members_of(tmp_path, {"a": (1.0, [1.0, 3.0]), "b": (1.0, [0.0, 0.0])})
    one, other = load_members([file], [])
    low, high = one.interval(other) or (0.0, 0.0)
    # Mean 2, deviation sqrt(2), t = tan(0.475 pi) (a Cauchy distribution).
    t = math.tan(0.475 * math.pi)
    assert (low, high) == (pytest.approx(2 - t), pytest.approx(2 + t))


def test_members_without_the_cost_are_left_out_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pi = {"comm_bytes": 1e9, "cost_model": "m"}
    members = [
        *(member("priced", 3.0, pi=pi), member("free", 2.0), member("diverged", None, pi=pi)),
        member("unpriced", 2.5, pi={"cost_model": "m", "comm_bytes": None}),
    ]
    file = write_sweep(tmp_path / "sweep.json", members)
    out = tmp_path / "x.svg"
    assert plot.main(["pareto", str(file), "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert 'left out, without a perplexity: "diverged"' in said
    assert 'left out, without communication: "free", "unpriced"' in said
    assert ">priced<" in re.sub(r"\s+", "", out.read_text(encoding="utf-8"))


def test_costs_of_two_models_do_not_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    members = [
        member(name, 3.0, pi={"comm_bytes": 1e9, "cost_model": "m", "network": network})
        for name, network in (("a", None), ("b", "wan"))
    ]
    file = write_sweep(tmp_path / "sweep.json", members)
    assert plot.main(["pareto", str(file), "--out", str(tmp_path / "x.svg")]) == 2
    assert '"a" is priced by m, "b" by m over wan' in capsys.readouterr().err


def test_an_axis_is_logarithmic_where_points_crowd():
    assert scales.crowded([120, 127, 135, 150, 200, 302, 708])
    assert not scales.crowded([100, 200, 300, 400, 500])
    assert not scales.crowded([100, 101, 102, 103, 120])  # less than a factor of 2
    assert not scales.crowded([0, 1, 1, 1, 100])  # 0 has no logarithm


@pytest.mark.parametrize(("low", "high"), [(120, 708), (0.6, 1.7), (1, 2.1), (3, 5000), (50, 101)])
def test_a_logarithmic_axis_has_ticks_that_keep_their_distance(low: float, high: float):
    ticks = scales.log_ticks(low, high, 0.09)
    places = np.log(ticks) / np.log(high / low)
    assert len(ticks) >= 3 and min(ticks) >= low * 0.999 and max(ticks) <= high * 1.001
    assert np.diff(places).min() >= 0.09


def test_a_front_whose_points_crowd_gets_logarithmic_axes(tmp_path: Path):
    costs = {f"m{n}": (1e9 * 2.0**n, [100.0 * 1.7 ** (8 - n)]) for n in range(8)}
    members = load_members([members_of(tmp_path, costs)], [])
    ax = pareto.draw(members, 7.0, "communication").axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    ax = pareto.draw(members, 7.0, "communication", "linear", "linear").axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")


@pytest.mark.parametrize("text", [*NAMES, "x" * 80, "a b", ""])
def test_names_break_into_lines_that_fit(text: str):
    wrapped = wrap(text, 0.8)
    assert max(map(text_width, wrapped.split("\n"))) <= 0.8
    assert re.sub(r"\s", "", wrapped) == re.sub(r"\s", "", text)


def test_a_word_breaks_only_where_no_line_holds_it():
    assert wrap("GB by aero_papers", 0.9).split("\n") == ["GB by", "aero_papers"]
    assert wrap("EReg(SM(t)+ScFuFFN)", 0.8) == "EReg(SM(t)+\nScFuFFN)"


def test_a_run_of_one_point_can_be_seen(tmp_path: Path):
    folder = write_run(tmp_path / "run", {2: 1.0}, [entropy_line(2)])
    series = load_series([folder], [], [])
    for figure in (
        loss.draw(series, 7.0, "evaluation", "loss", "steps", 1),
        layers.draw_entropy(series, 7.0),
    ):
        [first, *_] = figure.axes[0].get_lines()
        assert isinstance(first, Line2D) and first.get_marker() not in ("None", "", None)
