"""Tests how the scripts end: they print one line for each fault, and no traceback."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from aero.checkpoint.checkpoints import find_checkpoint
from aero.commands import private_command as ending
from aero.commands.private_options import make_parser
from aero.config.check import read_config
from aero.core.errors import AeroError
from aero.core.files import check_output, write_text
from aero.core.options import real, whole
from test_table import AERO, write_corpus
from tiny_model import MODEL, tensors, write_checkpoint

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
FULL = Path("/dev/full")

pytest.importorskip("spu")


def command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, str(SCRIPTS / script), *map(str, arguments)]


def fault_line(done: subprocess.CompletedProcess[str]) -> str:
    """Returns the only line of the error output."""
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:], done.stderr
    return lines[-1]


def start(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(script, *arguments), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("text", ["0", "9", "-1", "1.5", "0x2", "0_2", "٢", "", "2e0", "9" * 400])
def test_a_number_of_threads_is_a_decimal_within_bounds(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = make_parser(None)
    parser.add_argument("--threads", type=whole(1, 8))
    assert parser.parse_args(["--threads", "08"]).threads == 8
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([f"--threads={text}"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --threads: ")
    assert " is not a whole number from 1 to 8" in error
    assert len(error) < 200


@pytest.mark.parametrize("text", ["-1", "1001", "nan", "inf", "1e400", "0x1p3", "1_0", "٢", ""])
def test_a_rate_is_a_decimal_within_bounds(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = make_parser(None)
    parser.add_argument("--rate", type=real(0, 1000))
    for good, value in (("1e2", 100.0), (".5", 0.5), ("007.50", 7.5)):
        assert parser.parse_args(["--rate", good]).rate == value
    with pytest.raises(SystemExit):
        parser.parse_args([f"--rate={text}"])
    assert " is not a number from 0 to 1000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "words", "message"),
    [
        ("private_inference.py", ["--threads", "0"], "--threads: '0' is not a whole number"),
        ("private_inference.py", ["--party", "2"], "--party: '2' is not a whole number"),
        ("private_inference.py", ["--patience", "nan"], "--patience: 'nan' is not a number"),
        ("private_inference.py", ["--max-tokens", "0"], "--max-tokens: '0' is not a whole"),
        ("private_inference.py", ["--wights", "shared"], "no such option, did you mean --weights?"),
        ("private_inference.py", ["--party", "0", "--peers", "a:1,b:99999"], "with ports from 1"),
        ("private_inference.py", ["--json", "/"], "--json /: is a folder"),
        ("private_inference.py", ["--json", "/proc/none/x"], "--json /proc/none/x: "),
        ("private_inference.py", ["--aero", "/nowhere"], "--aero /nowhere: no such file"),
        ("private_inference.py", ["--aero", "/tmp"], "--aero /tmp: a folder; name the program"),
        ("private_inference.py", ["--aero", "/bin/false"], "_shared: /bin/false ended with 1"),
        ("private_inference.py", ["--aero", "/bin/true"], "_shared: /bin/true printed no costs"),
        ("private_table.py", ["--out", "x", "--threads", "0"], "--threads: '0' is not a whole"),
        ("private_table.py", ["--out", "x", "--repeats", "1e1"], "--repeats: '1e1' is not a whole"),
        ("private_table.py", ["--out", "x", "--wan", "nan", "80"], "--wan: 'nan' is not a number"),
        ("private_table.py", ["--wan", "100", "20000"], "'20000' is not a number from 0 to 10000"),
        ("private_table.py", ["--out", "/dev/null"], "--out /dev/null/table.json: Not a directory"),
    ],
)
def test_options_are_refused_before_anything_runs(
    script: str, words: list[str], message: str, tmp_path: Path
) -> None:
    run = write_checkpoint(tmp_path / "run")
    prompt = [] if script == "private_table.py" else ["--tokens", "1 2"]
    done = start(script, run, *prompt, *words)
    assert done.returncode == 2, done.stderr
    assert message in fault_line(done)


@pytest.mark.skipif(not AERO.is_file(), reason=f"{AERO} is not built")
@pytest.mark.parametrize("script", ["private_inference.py", "private_table.py"])
def test_an_unusable_cost_model_is_reported_before_anything_runs(
    script: str, tmp_path: Path
) -> None:
    """The script would only read the missing weights later."""
    run, corpus = write_checkpoint(tmp_path / "run"), tmp_path / "corpus"
    write_corpus(corpus)
    (run / "weights.safetensors").unlink()
    words = ["--tokens", "1 2"]
    if script == "private_table.py":
        words = ["--out", str(tmp_path / "out"), "--data", str(corpus)]
    (tmp_path / "junk.json").write_text("{}")
    for cost, fault in (
        ("nope", 'cost model "nope": unknown name'),
        ("junk.json", "is a base without"),
    ):
        name = tmp_path / cost if cost.endswith(".json") else cost
        done = start(script, run, *words, "--aero", AERO, "--cost", name)
        assert done.returncode == 2, done.stderr
        assert fault_line(done).startswith(f"error: aero report --cost {name}: ")
        assert fault in fault_line(done)


@pytest.mark.parametrize("script", ["private_inference.py", "private_table.py", "measure_costs.py"])
def test_help_has_an_example(script: str) -> None:
    done = start(script, "--help")
    assert done.returncode == 0
    assert f"Example:\n  build/venv-spu/bin/python scripts/{script} " in done.stdout


def test_the_output_file_is_checked_before_anything_is_measured(tmp_path: Path) -> None:
    done = start("measure_costs.py", "--out", tmp_path)
    assert done.returncode == 2
    assert fault_line(done) == f"error: --out {tmp_path}: is a folder; name a file in it"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "config.json: not JSON"),
        ("[]", 'has no section "model"'),
        ('{"model": 3}', 'has no section "model"'),
        ('{"model_type": "gpt2"}', "a model of Hugging Face transformers cannot be read"),
        ('{"model": {"n_layer": "2"}}', "model.n_layer: '2': expected a whole number"),
        ('{"model": {"n_head": 0}}', "model.n_head: '0': expected a whole number, at least 1"),
        ('{"model": {"n_head": 7}}', "model.d_model: '768': expected a multiple of n_head, 7"),
        ('{"model": {"activation": "mish"}}', "model.activation: 'mish': expected one of gelu"),
        ('{"model": {"norm_eps": NaN}}', "model.norm_eps: 'nan': expected a number"),
        ('{"model": {"ereg": {"beta": 1}}}', "is not a section that AERO writes"),
        ('{"model": {"ffn_pruned_layers": 3}}', "model.ffn_pruned_layers: '3': expected a list"),
    ],
)
def test_a_folder_that_holds_something_else_is_reported(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(AeroError) as raised:
        find_checkpoint(tmp_path)
    assert message in str(raised.value)
    assert "Error(" not in str(raised.value)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    weights = tensors()
    del weights["blocks.0.attention.o.weight"]
    done = start(
        "private_inference.py", write_checkpoint(tmp_path / "run", weights), "--tokens", "1 2"
    )
    assert done.returncode == 2
    assert "weights lack blocks.0.attention.o.weight" in fault_line(done)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_an_output_that_cannot_be_written_ends_the_script_at_its_first_line(
    tmp_path: Path,
) -> None:
    """The script would only read the missing weights later."""
    run = write_checkpoint(tmp_path / "run")
    (run / "weights.safetensors").unlink()
    for unbuffered in ("", "1"):
        with FULL.open("w") as full:
            done = subprocess.run(
                command("private_inference.py", run, "--tokens", "1 2"),
                env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
                check=False,
            )
        assert done.returncode == 1
        assert fault_line(done) == "error: standard output: No space left on device"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("script", ["private_inference.py", "private_table.py", "measure_costs.py"])
def test_help_that_cannot_be_written_is_an_error(script: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            command(script, "--help"), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        "error: standard output: No space left on device\n",
    )


def test_a_reader_that_closed_the_pipe_causes_no_error(tmp_path: Path) -> None:
    run = write_checkpoint(tmp_path / "run")
    process = subprocess.Popen(
        command("private_inference.py", run, "--tokens", "1 2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_both_parties_without_a_word(number: signal.Signals, tmp_path: Path) -> None:
    run, prompts = write_checkpoint(tmp_path / "run"), tmp_path / "prompts.txt"
    prompts.write_text("1 2 3 4\n" * 40)  # a minute's work and more
    process = subprocess.Popen(
        command("private_inference.py", run, "--tokens", prompts),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ranges"):
            break
    time.sleep(1)
    os.killpg(process.pid, number)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors == ""
    _wait_for_the_group_to_end(process.pid)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("script", ["private_inference.py", "private_table.py", "measure_costs.py"])
def test_an_interrupt_while_spu_loads_is_not_reported_as_a_fault(
    script: str, tmp_path: Path
) -> None:
    library = "import os\ntry:\n    os.kill(os.getpid(), 2)\nexcept KeyboardInterrupt:\n    pass\n"
    (tmp_path / "spu.py").write_text(library + "raise ImportError\n")
    arguments = ("--out", tmp_path) if script == "measure_costs.py" else ("run", "--out", tmp_path)
    done = subprocess.run(
        command(script, *(arguments if script != "private_inference.py" else ["run"])),
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def _wait_for_the_group_to_end(group: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)
    raise AssertionError("a party's process goes on")


def test_a_temporary_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    script, *arguments = command(
        "private_inference.py", write_checkpoint(tmp_path / "run"), "--tokens", "1 2"
    )[1:]
    # Without this, Python would fall back to /tmp and to the working directory.
    program = (
        "import runpy, tempfile\n"
        "tempfile._candidate_tempdir_list = lambda: ['/proc/none']\n"
        f"runpy.run_path({script!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert fault_line(done) == "error: No usable temporary directory found in ['/proc/none']"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "new" / "out.json"
    check_output(file, "--json")
    assert not file.parent.exists()
    write_text(file, "1")
    link = tmp_path / "link"
    link.symlink_to(file)
    with file.open() as reader:
        write_text(link, "2")
        assert reader.read() == "1"  # the file that was there, not one that is being written
    assert link.is_symlink() and file.read_text() == "2"
    assert [path.name for path in file.parent.iterdir()] == ["out.json"]


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    check_output(pipe, "--json")
    write_text(pipe, "1")
    assert pipe.is_fifo() and os.read(reader, 10) == b"1"
    os.close(reader)


def test_a_file_that_cannot_be_written_is_reported() -> None:
    with pytest.raises(AeroError, match=r"^/proc/none/x: No such file or directory$") as raised:
        write_text(Path("/proc/none/x"), "1")
    assert raised.value.status == 1


def test_an_unforeseen_fault_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending.tempfile, "tempdir", str(tmp_path))

    def fail(_: argparse.Namespace) -> None:
        raise KeyError("something")

    monkeypatch.setitem(sys.modules, "failing", SimpleNamespace(work=fail))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        assert ending.run_command("failing", argparse.Namespace) == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    (details,) = tmp_path.iterdir()
    assert "KeyError: 'something'" in details.read_text()
    assert capsys.readouterr().err == (
        "error: a fault of this script or of SPU, which should not happen; its details are in "
        f"{details}\n"
    )


def test_the_model_of_these_tests_is_read() -> None:
    assert read_config(MODEL, "config.json").d_model == MODEL["d_model"]


def test_a_closed_error_output_is_quiet(tmp_path: Path) -> None:
    script = command("private_inference.py", tmp_path / "none", "--tokens", "1 2")
    shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", *script]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
