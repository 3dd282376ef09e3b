"""Tests the files that plot.py writes, and its messages."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from aero.commands import plot
from aero.core.errors import AeroError
from aero.results.figures import style
from aero.results.sweep import read_sweep
from results_folder import entropy_line, plotted_sweep, write_run


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return plotted_sweep(tmp_path / "runs")


COMMANDS = [
    ["loss", "--y", "perplexity", "--x", "tokens"],
    ["loss", "--quantity", "training", "--smooth", "2"],
    ["entropy", "--step", "2"],
    ["entropy-layers"],
    ["bins"],
    ["thresholds", "--members", "gamma=0.1", "gamma=0.2"],
    ["gamma"],
    ["slopes"],
    ["scales"],
    ["temperatures"],
    ["nan", "--members", "SM"],
    ["pareto", "--x", "parameters"],
]


def with_input(command: list[str], file: Path) -> list[str]:
    return [command[0], str(file), *command[1:]]


SIGNATURES = {".png": b"\x89PNG", ".pdf": b"%PDF-", ".svg": b"<?xml"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_name_without_a_suffix_gives_a_png_and_an_svg(
    command: list[str], sweep: Path, tmp_path: Path
):
    out = tmp_path / "figures" / "figure"
    assert plot.main([*with_input(command, sweep), "--out", str(out)]) == 0
    assert out.with_suffix(".png").read_bytes().startswith(SIGNATURES[".png"])
    root = ElementTree.parse(out.with_suffix(".svg")).getroot()
    texts = {"".join(text.itertext()).strip() for text in root.iter() if text.tag.endswith("text")}
    assert any(text.startswith(("SM", "gamma=", "γ")) for text in texts)


@pytest.mark.parametrize("suffix", SIGNATURES)
def test_the_suffix_decides_the_format(suffix: str, sweep: Path, tmp_path: Path):
    folder = tmp_path / "figures"
    out = folder / ("alpha=0.3 figure" + suffix.upper() if suffix == ".pdf" else "f" + suffix)
    assert plot.main(["bins", str(sweep), "--out", str(out)]) == 0
    assert [file.name for file in folder.iterdir()] == [out.name]
    assert out.read_bytes().startswith(SIGNATURES[suffix])


def test_another_suffix_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert plot.main(["bins", "nowhere", "--out", str(tmp_path / "figure.jpg")]) == 2
    assert "a figure's name ends in .png, .svg, .pdf, or in none" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_a_full_disk_is_reported_in_every_format(
    suffix: str, sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    figure = (tmp_path / "figure").with_suffix(suffix)
    figure.symlink_to("/dev/full")
    assert plot.main(["loss", str(sweep), "--out", str(figure)]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"{suffix}: No space left on device")


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_letter_is_smaller_than_8_points(command: list[str], width: str, sweep: Path):
    style.apply_style()
    arguments = [*with_input(command, sweep), "--out", "unused", "--width", width]
    parsed = plot.parse_arguments(arguments)
    figure: Figure = plot.KINDS[parsed.kind][0](parsed)
    figure.canvas.draw()
    assert figure.get_figwidth() == style.WIDTHS[width]
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    assert texts and min(text.get_fontsize() for text in texts) >= 8


def test_the_same_data_gives_the_same_bytes(sweep: Path, tmp_path: Path):
    for name in ("a", "b"):
        assert plot.main(["bins", str(sweep), "--out", str(tmp_path / name)]) == 0
    for suffix in (".png", ".svg"):
        one, two = (tmp_path / (name + suffix) for name in ("a", "b"))
        assert one.read_bytes() == two.read_bytes()


def test_figures_report_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bare = entropy_line(2)
    for key in ("slopes", "thresholds"):
        del bare[key]
    without = str(write_run(tmp_path / "without", {2: 1.0}))
    plain = str(write_run(tmp_path / "plain", {2: 1.0}, [bare]))
    not_begun = tmp_path / "empty"
    not_begun.mkdir()
    sweep_file = tmp_path / "sweep.json"
    sweep_file.write_text(json.dumps({"base": "x.json", "runs": ["SM"]}), encoding="utf-8")
    cases = [
        (["bins", without], "no entropy lines; train with entropy.batches above 0"),
        (["slopes", plain], 'the entropy lines have no "slopes"'),
        (["thresholds", plain], "only EReg(...) architectures have them"),
        (["entropy", plain, "--step", "9"], "no entropy at step 9; 2 have"),
        (["loss", str(tmp_path / "nowhere")], "no such file or folder"),
        (["loss", str(not_begun)], "an empty folder; give the folder of a run, or the JSON"),
        (
            ["loss", str(sweep_file)],
            "give the JSON file that `aero ablate` or `aero pipeline` wrote",
        ),
        (["loss", plain, "--labels", "a", "b"], "--labels has 2 names for 1 series"),
        (["gamma", plain], "a run's folder; give the JSON file that `aero ablate`"),
    ]
    for command, message in cases:
        assert plot.main([*command, "--out", str(tmp_path / "figure")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "figure.png").exists()


def test_an_unknown_member_is_answered_with_those_that_are_there(sweep: Path):
    with pytest.raises(AeroError, match=r'no member "SM\+X"; it has "gamma=0.2", .*"SM"'):
        read_sweep(sweep).member("SM+X")


def test_names_are_not_formulas_and_may_be_of_any_script(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
):
    """None of Matplotlib's own fonts has 中; one of them, but not the default one, has Ⓐ."""
    names = [r"$\frac$", "x $x$", "_", "\x1b<b>", "Ⓐ", "中"]
    runs = [write_run(tmp_path / str(n), {2: 2.0, 4: 1.0}) for n in range(len(names))]
    out = tmp_path / "loss.svg"
    own = [each for each in fontManager.ttflist if "mpl-data" in each.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)
    assert plot.main(["loss", *map(str, runs), "--out", str(out), "--labels", *names]) == 0
    texts = [each.text for each in ElementTree.parse(out).iter() if each.tag.endswith("}text")]
    assert [text for text in texts if text in {*names, "?<b>"}] == [*names[:3], "?<b>", *names[4:]]
    note = "note: no font has 中: install one, or give other names (--labels)\n"
    assert capfd.readouterr().err == note
    assert not [str(each.message) for each in recwarn if "Glyph" in str(each.message)]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("los in --out f", "KIND: 'los', did you mean loss? one of loss, entropy"),
        ("loss in --labls a --out f", "--labls: no such option, did you mean --labels? see plot"),
        ("loss in --oot f", "--oot: no such option, did you mean --out? see plot"),
        ("loss in --out f --x token", "--x: 'token', did you mean tokens? one of steps, tokens;"),
        ("loss in", "the following arguments are required: --out/-o; see plot"),
    ],
)
def test_a_misspelt_word_is_named_in_one_line(
    words: str, fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.argv", ["plot.py"])
    with pytest.raises(SystemExit) as ended:
        plot.main(words.split())
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {fault}") and error.count("\n") == 1
    assert error.endswith(f"see plot.py {'' if 'KIND' in error else 'loss '}--help\n")


def test_members_are_of_sweeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run, out = write_run(tmp_path / "run", {2: 2.0}), str(tmp_path / "loss")
    assert plot.main(["loss", str(run), "--members", "SM", "--out", out]) == 2
    assert capsys.readouterr().err == (
        f"error: --members SM: {run} is a run's folder, which has no members; leave --members out\n"
    )
