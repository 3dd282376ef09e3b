"""Tests that unwritable output is an error of every command, and a closed pipe is none."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from program import call, make_config

FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def folder(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    config = make_config(folder / "mine.json", corpus, folder / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    sweep = {"base": "mine.json", "folder": str(folder / "s"), "runs": ["SM+LN+G", "SM"]}
    (folder / "sweep.json").write_text(json.dumps(sweep))
    steps = {
        "base": "mine.json",
        "folder": str(folder / "p"),
        "without_activation": ["SM", "SM+ScFFN"],
        "max_pruned": 1,
    }
    (folder / "pipeline.json").write_text(json.dumps(steps))
    return folder


COMMANDS = [
    "--help",
    "--version",
    "train --help",
    "config --help",
    "config show --help",
    "config show mine.json",
    "config docs",
    "config schema",
    "config help",
    "config check mine.json",
    "report mine.json",
    "report mine.json --json",
    "report --compare SM+LN+G SM+R",
    "inspect run",
    "inspect run --json",
    "inspect run --entropy",
    "inspect run --logits 1,2,3 --out logits.safetensors",
    "eval run",
    "eval run --json",
    "generate run --ids 1",
    "generate run --ids 1 --samples 3",
    "transform run --out {new} --prune-ffn 1",
    "export run --out {new}",
    "ablate sweep.json --list",
    "ablate sweep.json --collect",
    "pipeline pipeline.json --list",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_the_output_is_an_error(
    aero: str, folder: Path, tmp_path: Path, command: str
) -> None:
    words = command.format(new=tmp_path / "new").split()
    with FULL.open("wb") as full:
        result = subprocess.run(
            [aero, *words], stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder, check=False
        )
    assert result.returncode == 1, result.stderr
    messages = [line for line in result.stderr.splitlines() if "output" in line]
    assert messages == ["error: cannot write the output: No space left on device"]


def test_a_closed_output_is_an_error(aero: str, folder: Path) -> None:
    shell = f"exec {aero} config docs >&-"
    result = subprocess.run(
        ["sh", "-c", shell], stderr=subprocess.PIPE, text=True, cwd=folder, check=False
    )
    assert result.returncode == 1
    assert result.stderr == "error: cannot write the output: Bad file descriptor\n"


def test_a_failure_of_the_command_keeps_its_own_exit_code(aero: str, folder: Path) -> None:
    with FULL.open("wb") as full:
        result = subprocess.run(
            [aero, "config", "check", "mine.json", "none.json"],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder, check=False,
        )  # fmt: skip
    assert result.returncode == 2 and "cannot write the output" in result.stderr


@pytest.mark.parametrize("flags", [["--ids", "1"], ["--ids", "1", "--print-ids"]])
def test_generate_ends_when_its_reader_has_left(aero: str, folder: Path, flags: list[str]) -> None:
    command = [aero, "generate", "run", *flags, "--max-tokens", "100000000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(3)
        process.stdout.close()
        code = process.wait(timeout=60)
        assert code == -signal.SIGPIPE
        assert process.stderr.read() == b""


def test_generate_ends_when_the_disk_is_full(aero: str, folder: Path) -> None:
    start = time.monotonic()
    with FULL.open("wb") as full:
        command = [aero, "generate", "run", "--ids", "1", "--max-tokens", "100000000"]
        code = subprocess.run(command, stdout=full, cwd=folder, timeout=60, check=False).returncode
    assert code == 1 and time.monotonic() - start < 60


def test_a_pipe_that_closes_is_quiet_where_the_signal_is_ignored(aero: str, folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [aero, "config", "docs"],
        stdout=writer,
        stderr=subprocess.PIPE,
        restore_signals=False,  # Python ignores SIGPIPE
        check=False,
        cwd=folder,
    )
    os.close(writer)
    assert result.returncode == -signal.SIGPIPE and result.stderr == b""


def test_all_output_is_written_where_the_pipe_is_slow(aero: str, folder: Path) -> None:
    """A pipe that does not block takes a page at a time, and nothing of the rest is lost."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen([aero, "config", "docs", "-q"], stdout=writer, cwd=folder) as process:
        os.close(writer)
        time.sleep(0.5)
        with os.fdopen(reader, "rb") as pipe:
            printed = pipe.read()
        assert process.wait() == 0
    assert printed == Path(__file__).resolve().parents[2].joinpath("docs/config.md").read_bytes()
