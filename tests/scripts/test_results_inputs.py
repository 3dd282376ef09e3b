"""Tests wrong input: it gives one clear line and the right status, and nothing half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aero.commands import plot
from aero.core.errors import AeroError
from aero.core.files import write_text
from aero.core.options import real, whole
from aero.results.inputs import load_members
from results_folder import entropy_line, member, seed_run, write_run, write_sweep

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
WITH_HELP = [
    *("plot.py", "compare_members.py", "reproduce_tables.py", "calibrate_costs.py"),
    *("compare_pytorch.py", "benchmark_step.py", "make_tokenizer_golden.py"),
]


def run(script: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    given: dict[str, Any] = {"stdout": subprocess.PIPE} | options
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **given)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    config: dict[str, Any] = {"model": {}, "train": {}}
    runs = [
        write_run(tmp_path / "sweep" / name / "seed-1", {4: 1.0}, [entropy_line(4)], config=config)
        for name in ("SM", "SM+R")
    ]
    members = [member(run.parent.name, 2.7, [seed_run(1, run)]) for run in runs]
    return write_sweep(tmp_path / "sweep" / "sweep.json", members)


def make_wrong_inputs(folder: Path, run: Path) -> dict[str, tuple[Path, str]]:
    """Returns paths by name, with what a message calls each."""
    for name in ("empty", "hf", "corpus", "begun"):
        (folder / name).mkdir()
    (folder / "hf" / "config.json").write_text('{"model_type": "gpt2"}')
    (folder / "corpus" / "train.bin").write_bytes(b"\0\0")
    (folder / "begun" / "config.json").write_text('{"model": {}, "train": {}}')
    checkpoint = run / "checkpoints" / "step-00000004"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights.safetensors").write_bytes(b"")
    (folder / "text.txt").write_text("hello")
    (folder / "noise.json").write_bytes(bytes(range(128, 256)))
    (folder / "deep.json").write_text("[" * 100_000)
    return {
        "a folder of nothing": (folder / "empty", "an empty folder"),
        "a Hugging Face folder": (folder / "hf", "a Hugging Face model"),
        "a corpus": (folder / "corpus", "a corpus"),
        "a run to come": (folder / "begun", "a run that has not begun"),
        "a checkpoint": (checkpoint, "a checkpoint"),
        "checkpoints": (checkpoint.parent, "a run's folder of checkpoints"),
        "a member's folder": (run.parent, "the folder of a sweep's member"),
        "a sweep's folder": (run.parent.parent, "the folder of a sweep or pipeline"),
        "a text": (folder / "text.txt", "JSON"),
        "noise": (folder / "noise.json", "not a text in UTF-8"),
        "depth": (folder / "deep.json", "not JSON that can be read"),
        "nothing": (folder / "nowhere", "no such file or folder"),
    }


@pytest.mark.parametrize("kind", ["loss", "pareto"])
def test_a_wrong_input_is_called_what_it_is(
    kind: str, sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for path, called in make_wrong_inputs(tmp_path, sweep.parent / "SM" / "seed-1").values():
        out = tmp_path / "figure.svg"
        assert plot.main([kind, str(path), "--out", str(out)]) == 2, path
        said = capsys.readouterr().err
        assert said.startswith(f"error: {path}: ") and called in said
        assert said.count("\n") == 1 and not out.exists()


def test_a_wrong_input_is_answered_with_the_right_one(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = sweep.parent / "SM" / "seed-1"
    wrong = make_wrong_inputs(tmp_path, run)
    for name, kind, instead in (
        ("a checkpoint", "loss", run),
        ("a member's folder", "loss", run),
        ("a sweep's folder", "pareto", sweep),
    ):
        plot.main([kind, str(wrong[name][0]), "--out", str(tmp_path / "x.svg")])
        assert capsys.readouterr().err.endswith(f": {instead}\n")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1\n{}\n", "line 1: the line is not an object"),
        ('{"step": "x"}\n{}\n', 'line 1: "step" is not a number'),
        ('{"step": -1}\n{}\n', 'line 1: "step" is not a whole number of 0 or more'),
        ('{"loss": 1}\n{}\n', 'line 1: lacks "step"'),
        ('{"step": 1, "loss": [1]}\n{}\n', 'line 1: "loss" is not a number'),
        ("\udcff\n{}\n", "line 1: not JSON"),
    ],
)
def test_damaged_metrics_are_reported_with_the_line(
    lines: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "metrics.jsonl").write_bytes(lines.encode(errors="surrogateescape"))
    assert plot.main(["loss", str(tmp_path), "--out", str(tmp_path / "x.svg")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/metrics.jsonl: {message}" + (
        " {...}\n" if message.endswith("object") else "\n"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entropy": [[1, 2], [3]]}, '"entropy" is not a table of numbers'),
        ({"entropy": [1, 2]}, '"entropy" has the shape [2], not layers x heads'),
        ({"nonfinite_rows": [0]}, '"nonfinite_rows" is not one number per layer'),
        ({"alpha": ["x", "y"]}, '"alpha" is not a table of numbers'),
        (
            {"thresholds": [[0.5] * 2] * 2},
            '"thresholds" is neither one number per layer nor',
        ),
    ],
)
def test_damaged_entropy_is_reported_with_the_field(
    changes: dict[str, object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    lines = [entropy_line(2, **changes), entropy_line(4)]
    folder = write_run(tmp_path / "run", {1: 1.0}, lines)
    assert plot.main(["entropy", str(folder), "--out", str(tmp_path / "x.svg")]) == 1
    assert message in capsys.readouterr().err


def test_models_of_two_shapes_in_one_run_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = entropy_line(4, entropy=[[1.0] * 3] * 4, nonfinite_rows=[0] * 4)
    other = {key: value for key, value in other.items() if key not in ("alpha", "beta", "slopes")}
    other = {k: v for k, v in other.items() if k not in ("temperature_min", "thresholds")}
    folder = write_run(tmp_path / "run", {1: 1.0}, [entropy_line(2), other])
    assert plot.main(["entropy-layers", str(folder), "--out", str(tmp_path / "x.svg")]) == 1
    assert "its shapes differ from those of the first entropy line" in capsys.readouterr().err


def test_a_loss_whose_perplexity_overflows_is_not_a_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = write_run(tmp_path / "run", {2: 1e5})
    command = ["loss", str(folder), "--y", "perplexity", "--out", str(tmp_path / "x.svg")]
    assert plot.main(command) == 2
    assert "no evaluation loss yet that is finite" in capsys.readouterr().err


def test_candidates_of_a_pipeline_are_its_members(tmp_path: Path):
    """The model kept in step 3 is in step 4 again; a repeated name gets its step."""
    steps = []
    for number, names in enumerate([["SM+LN+G"], ["SM+G", "SM+R"], ["SM+R"]]):
        folders = [tmp_path / f"{number}-{name}" for name in names]
        candidates = [
            member(name, 3.0, [seed_run(1, folder)])
            for name, folder in zip(names, folders, strict=True)
        ]
        steps.append({"step": number, "candidates": candidates})
    steps.append({"step": 3, "candidates": steps[2]["candidates"]})
    file = tmp_path / "pipeline.json"
    file.write_text(json.dumps({"pipeline": "p", "steps": steps}), encoding="utf-8")
    names = [each.name for each in load_members([file], [])]
    assert names == ["SM+LN+G", "SM+G", "SM+R", "2 SM+R"]
    out = tmp_path / "front.pdf"
    assert plot.main(["pareto", str(file), "--x", "flops", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF-")


def test_inputs_that_an_option_has_taken_are_asked_for(capsys: pytest.CaptureFixture[str]):
    assert plot.main(["loss", "--members", "SM", "sweep.json", "--out", "x.svg"]) == 2
    assert "no INPUT: give a run or a sweep before --members" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["-1", "", "1.5", "NaN", "1e3", "٣", "0x10", "9" * 400, "101"])
def test_whole_numbers_are_decimal_and_within_their_range(text: str):
    with pytest.raises(Exception, match="is not a whole number from 1 to 100") as error:
        whole(1, 100)(text)
    assert len(str(error.value)) < 120


def test_a_leading_zero_does_not_make_an_octal_number():
    assert whole(1, 100)("010") == 10


@pytest.mark.parametrize("text", ["nan", "inf", "0_1", "٠.٥", "", "-0.1", "1e400", "0x1p-3"])
def test_real_numbers_are_finite_and_within_their_range(text: str):
    with pytest.raises(Exception, match="is not a number from 0 to 1"):
        real(0, 1)(text)
    assert real(0, 1)("2.5e-1") == 0.25


@pytest.mark.parametrize("script", WITH_HELP)
def test_help_has_an_example_and_a_full_disk_is_reported(script: str):
    shown = run(script, "--help")
    assert shown.returncode == 0 and "xample" in shown.stdout
    for unbuffered in ("", "1"):
        with Path("/dev/full").open("w") as full:
            environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
            failed = run(script, "--help", stdout=full, env=environment)
        assert failed.returncode == 1
        assert failed.stderr == "error: standard output: No space left on device\n"


@pytest.mark.parametrize("kind", plot.KINDS)
def test_every_kind_of_figure_has_an_example(kind: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        plot.main([kind, "--help"])
    assert f"example: scripts/plot.py {kind} " in " ".join(capsys.readouterr().out.split())


def test_results_that_cannot_be_written_end_in_an_error(sweep: Path):
    for unbuffered in ("", "1"):
        with Path("/dev/full").open("w") as full:
            environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
            failed = run("compare_members.py", sweep, stdout=full, env=environment)
        assert failed.returncode == 1
        assert failed.stderr == "error: standard output: No space left on device\n"


def test_nothing_is_printed_where_standard_error_is_closed(sweep: Path, tmp_path: Path):
    def call(*arguments: object) -> tuple[int, str]:
        script = [sys.executable, str(SCRIPTS / "compare_members.py"), *map(str, arguments)]
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert call(sweep)[0] == 0 and call(sweep)[1] != ""
    assert call("--no-such-option") == call(tmp_path / "none.json") == (2, "")


def test_a_reader_that_has_closed_is_not_an_error(sweep: Path):
    read, write = os.pipe()
    os.close(read)
    ended = run("compare_members.py", sweep, stdout=write)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path):
    file = tmp_path / "table.md"
    file.write_text("old")
    with pytest.raises(AeroError, match=r"table\.md"):
        write_text(file, "new \udcff")
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["table.md"]
    link = tmp_path / "link.md"
    link.symlink_to(file)
    write_text(link, "new")
    assert link.is_symlink() and file.read_text() == "new"


def test_a_figure_that_cannot_be_written_is_an_error(
    sweep: Path, capsys: pytest.CaptureFixture[str]
):
    assert plot.main(["bins", str(sweep), "--out", "/proc/figure.png"]) == 1
    assert capsys.readouterr().err.startswith("error: /proc/figure.png: ")


def test_a_folder_is_not_a_file_to_write(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert plot.main(["bins", str(sweep), "--out", str(tmp_path)]) == 2
    assert "a folder; name a file in it" in capsys.readouterr().err


@pytest.mark.parametrize("script", [*WITH_HELP, "make_golden.py"])
def test_a_missing_package_is_named(script: str):
    """-S leaves site-packages out."""
    command = [sys.executable, "-S", str(SCRIPTS / script), "--help"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: the Python package ")
    assert ended.stderr.count("\n") == 1
