"""Two runs with one --out at a time: no corpus is lost, and none is written over unasked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aero_corpus import staging
from aero_corpus.console import Console
from aero_corpus.errors import OutputError
from aero_corpus.staging import check_output, staging_folder
from aero_corpus.stopping import Undo
from corpus_reader import SCRIPT, SMALL, code, manifest_of, run, write

HOST = os.uname().nodename


def fill(folder: Path, seed: int) -> None:
    """As a corpus."""
    folder.mkdir(exist_ok=True)
    text = json.dumps({"format": staging.FORMAT, "settings": {"seed": seed}})
    (folder / staging.MANIFEST).write_text(text)


def seed_of(out: Path) -> int:
    return manifest_of(out)["settings"]["seed"]


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that is stopped in the middle of its work."""
    source = write(tmp_path / "in", [code(i, lines=300) for i in range(400)])
    out = tmp_path / "results" / "corpus"
    command = [sys.executable, str(SCRIPT), str(source), "--out", str(out), *SMALL]
    with subprocess.Popen(
        [*command, "--workers", "1", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not list(out.parent.glob("corpus.tmp-*/spill/*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        yield process
        process.kill()


def test_who_comes_second_is_refused_before_its_work(
    held: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "other", [code(i) for i in range(3)])
    out = tmp_path / "results" / "corpus"
    assert run(source, "--out", out, *SMALL) == 2
    said = capsys.readouterr().err
    assert said == (
        f"error: {out}: process {held.pid} on host {HOST} is writing it; wait for that, or give "
        "another --out\n"
    )
    held.send_signal(signal.SIGCONT)
    assert held.wait(60) == 0
    assert [path.name for path in out.parent.iterdir()] == ["corpus"]


def test_who_takes_the_place_second_is_refused_and_keeps_nothing(
    held: subprocess.Popen[str], tmp_path: Path
) -> None:
    out = tmp_path / "results" / "corpus"
    fill(out, seed=7)
    held.send_signal(signal.SIGCONT)
    _, errors = held.communicate(timeout=60)
    assert held.returncode == 2
    assert errors.startswith(f"error: {out}: another run has written it meanwhile")
    assert errors.count("\n") == 1
    assert seed_of(out) == 7
    assert [path.name for path in out.parent.iterdir()] == ["corpus"]


def test_with_overwrite_the_last_one_stays_and_no_folder_in_use_goes(
    held: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "other", [code(i) for i in range(3)])
    out = tmp_path / "results" / "corpus"
    assert run(source, "--out", out, *SMALL, "--seed", "5", "--overwrite") == 0
    warned = f"warning: process {held.pid} on host {HOST} writes {out}, too; the last one stays"
    assert warned in capsys.readouterr().err
    assert seed_of(out) == 5
    (folder,) = out.parent.glob("corpus.tmp-*")
    assert list(folder.glob("spill/*"))
    with staging_folder(out, True, Undo()) as later:
        fill(later, seed=6)
        with staging_folder(out, True, Undo()) as sooner:
            fill(sooner, seed=8)
        assert seed_of(out) == 8
    assert seed_of(out) == 6
    assert sorted(out.parent.iterdir()) == [out, folder]


def test_a_run_that_is_faster_while_another_replaces_is_replaced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "corpus", Path.rename
    fill(out, seed=1)

    def with_another(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if path == out and not out.exists():
            monkeypatch.undo()
            fill(out, seed=2)
        return moved

    with staging_folder(out, True, Undo()) as folder:
        fill(folder, seed=3)
        monkeypatch.setattr(Path, "rename", with_another)
    assert seed_of(out) == 3
    assert list(tmp_path.iterdir()) == [out]


def test_overwrite_leaves_alone_what_appeared_and_is_no_corpus(tmp_path: Path) -> None:
    out = tmp_path / "corpus"

    def work() -> None:
        with staging_folder(out, True, Undo()) as folder:
            fill(folder, seed=1)
            write(out, ["notes"])

    with pytest.raises(OutputError, match="is not a corpus"):
        work()
    assert list(out.iterdir()) and list(tmp_path.iterdir()) == [out]


def test_what_a_killed_run_left_is_told_from_what_is_in_use(
    held: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results" / "corpus"
    (folder,) = out.parent.glob("corpus.tmp-*")
    held.kill()
    held.wait()
    elsewhere = out.with_name("corpus.tmp-node-3-4711-0a1b2c3d")
    elsewhere.mkdir()
    check_output(out, False, Console(quiet=True))
    assert set(capsys.readouterr().err.splitlines()) == {
        f"warning: {folder} is left from a run that was killed; remove it",
        f"warning: {elsewhere} is of process 4711 on host node-3; remove it where that has ended",
    }


def test_without_locks_the_process_decides(
    held: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(handle: int, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(staging.fcntl, "flock", unsupported)
    out = tmp_path / "results" / "corpus"
    with pytest.raises(OutputError, match=f"process {held.pid} on host"):
        check_output(out, False, Console(quiet=True))
    held.kill()
    held.wait()
    check_output(out, False, Console(quiet=True))
