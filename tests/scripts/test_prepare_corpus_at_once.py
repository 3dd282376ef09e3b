"""Tests two runs with one --out: no corpus is lost, and none is replaced without --overwrite."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aero.corpus import staging
from aero.corpus.console import Console
from aero.corpus.errors import OutputError
from aero.corpus.staging import check_output, staging_folder
from aero.corpus.stopping import Undo
from corpus_reader import SCRIPT, SMALL, code, manifest_of, run, write

HOST = os.uname().nodename
# This run is killed between two renames: what was there is moved aside, and its place is empty.
KILLED = """
import os, signal, sys
from pathlib import Path
from aero.corpus.staging import staging_folder
from aero.corpus.stopping import Undo

def rename(path, target):
    real(path, target)
    if path == out:
        os.kill(os.getpid(), signal.SIGKILL)

out, real = Path(sys.argv[1]), Path.rename
with staging_folder(out, True, Undo()) as folder:
    (folder / "manifest.json").touch()
    Path.rename = rename
"""


def fill(folder: Path, seed: int) -> None:
    """Fills a folder as a corpus."""
    folder.mkdir(exist_ok=True)
    text = json.dumps({"format": staging.FORMAT, "settings": {"seed": seed}})
    (folder / staging.MANIFEST).write_text(text)


def seed_of(out: Path) -> int:
    return manifest_of(out)["settings"]["seed"]


def put(out: Path, kind: str, text: str) -> None:
    """Puts something there that is not a corpus."""
    if kind == "a folder":
        out.mkdir()
    (out if kind == "a file" else out / "file").write_text(text)


def text_at(out: Path) -> str:
    return (out if out.is_file() else out / "file").read_text()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts a run and stops it in the middle of its work."""
    source = write(tmp_path / "in", [code(i, lines=300) for i in range(400)])
    out = tmp_path / "results" / "corpus"
    command = [sys.executable, str(SCRIPT), str(source), "--out", str(out), *SMALL]
    with subprocess.Popen(
        [*command, "--workers", "1", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(out.parent.glob("corpus.tmp-*/spill/*")):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            process.send_signal(signal.SIGSTOP)
            state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert state is not None and state.si_code == os.CLD_STOPPED
            assert list(out.parent.glob("corpus.tmp-*/spill/*"))
            yield process
        finally:
            process.kill()


def test_the_second_of_two_runs_is_refused_before_its_work(
    held: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "other", [code(i) for i in range(3)])
    out = tmp_path / "results" / "corpus"
    assert run(source, "--out", out, *SMALL) == 2
    assert capsys.readouterr().err == (
        f"error: {out}: process {held.pid} on host {HOST} is writing it; wait until that ends, or "
        "give another --out\n"
    )
    held.send_signal(signal.SIGCONT)
    assert held.wait(60) == 0
    assert [path.name for path in out.parent.iterdir()] == ["corpus"]


def test_the_second_to_take_the_place_is_refused_and_keeps_nothing(
    held: subprocess.Popen[str], tmp_path: Path
) -> None:
    out = tmp_path / "results" / "corpus"
    fill(out, seed=7)
    held.send_signal(signal.SIGCONT)
    _, errors = held.communicate(timeout=60)
    assert held.returncode == 2
    assert errors.startswith(f"error: {out}: another run has written it in the meantime")
    assert errors.count("\n") == 1
    assert seed_of(out) == 7
    assert [path.name for path in out.parent.iterdir()] == ["corpus"]


def test_with_overwrite_the_last_run_stays_and_no_folder_in_use_is_removed(
    held: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "other", [code(i) for i in range(3)])
    out = tmp_path / "results" / "corpus"
    assert run(source, "--out", out, *SMALL, "--seed", "5", "--overwrite") == 0
    assert (
        f"warning: process {held.pid} on host {HOST} is writing {out}, too; the run that ends last "
        "replaces it"
    ) in capsys.readouterr().err
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


@pytest.mark.parametrize("kind", ["a file", "a folder"])
def test_overwrite_leaves_alone_what_appeared_and_is_not_a_corpus(
    kind: str, tmp_path: Path
) -> None:
    out = tmp_path / "corpus"

    def work() -> None:
        with staging_folder(out, True, Undo()) as folder:
            fill(folder, seed=1)
            put(out, kind, "notes")

    with pytest.raises(OutputError, match="is not a corpus"):
        work()
    assert text_at(out) == "notes" and list(tmp_path.iterdir()) == [out]


def test_an_output_that_disappears_in_the_meantime_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "corpus", staging._renamed
    names = iter([tmp_path / "aside"])  # a loop that does not end asks for more

    def renamed(path: Path, target: Path) -> bool:
        if not out.exists():
            return real(path, target)
        shutil.rmtree(out)
        return False

    with staging_folder(out, True, Undo()) as folder:
        fill(folder, seed=3)
        fill(out, seed=1)
        monkeypatch.setattr(staging, "_temporary_name", lambda output: next(names))
        monkeypatch.setattr(staging, "_renamed", renamed)
    assert seed_of(out) == 3
    assert list(tmp_path.iterdir()) == [out]


def test_overwrite_leaves_alone_what_comes_last_and_is_not_a_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "corpus", Path.rename

    def after_another(path: Path, target: Path) -> Path:
        if path == out:
            monkeypatch.undo()
            shutil.rmtree(out)
            write(out, ["notes"])
        return rename(path, target)

    def work() -> None:
        with staging_folder(out, True, Undo()) as folder:
            fill(folder, seed=1)
            fill(out, seed=2)
            monkeypatch.setattr(Path, "rename", after_another)

    with pytest.raises(OutputError, match="is not a corpus"):
        work()
    assert list(out.iterdir()) and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("kind", ["a file", "a folder"])
def test_what_cannot_go_back_is_kept_and_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "corpus", Path.rename

    def with_another(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if path == out:
            monkeypatch.undo()
            put(out, kind, "later")
        return moved

    def work() -> None:
        with staging_folder(out, True, Undo()) as folder:
            fill(folder, seed=1)
            put(out, kind, "notes")
            monkeypatch.setattr(Path, "rename", with_another)

    with pytest.raises(
        OutputError, match=r"is not a corpus.*what was there before is at"
    ) as raised:
        work()
    (kept,) = tmp_path.glob("corpus.former-*")
    assert str(raised.value).endswith(f" is at {kept} now")
    assert (text_at(kept), text_at(out)) == ("notes", "later")
    assert sorted(tmp_path.iterdir()) == [out, kept]


def test_a_former_output_that_cannot_be_moved_back_stays_where_it_was_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "corpus", Path.rename

    def once(path: Path, target: Path) -> Path:
        if path.name == "former":
            raise PermissionError(1, "Operation not permitted")
        return rename(path, target)

    def work() -> None:
        with staging_folder(out, True, Undo()) as folder:
            fill(folder, seed=1)
            put(out, "a folder", "notes")
            monkeypatch.setattr(Path, "rename", once)

    with pytest.raises(
        OutputError, match=r"is not a corpus.*what was there before is at"
    ) as raised:
        work()
    (kept,) = tmp_path.glob("corpus.tmp-*/former")
    assert str(raised.value).endswith(f" is at {kept} now")
    assert text_at(kept) == "notes"


def warnings_of(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Returns the warnings where `folder` is beside the output."""
    folder.mkdir(parents=True)
    check_output(out, False, Console(quiet=True))
    return capsys.readouterr().err.splitlines()


def test_what_a_killed_run_left_is_reported(
    held: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results" / "corpus"
    (folder,) = out.parent.glob("corpus.tmp-*")
    held.kill()
    held.wait()
    check_output(out, False, Console(quiet=True))
    assert capsys.readouterr().err == (
        f"warning: {folder} is left from a run that was killed; remove it\n"
    )


@pytest.mark.parametrize(("host", "pid"), [("node-3", 4711), (HOST, os.getpid())])
def test_a_process_that_may_live_is_named(
    host: str, pid: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "corpus"
    folder = tmp_path / f"corpus.tmp-{host}-{pid}-0a1b2c3d"
    assert warnings_of(folder, out, capsys) == [
        f"warning: {folder} belongs to process {pid} on host {host}; remove it if that process has "
        "ended"
    ]


def test_the_former_corpus_that_a_killed_run_left_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "corpus"
    fill(out, seed=1)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(out)],
        env=os.environ | {"PYTHONPATH": str(SCRIPT.parent)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL and not out.exists()
    check_output(out, False, Console(quiet=True))
    (former,) = tmp_path.glob("corpus.tmp-*/former")
    assert seed_of(former) == 1
    assert (
        f"warning: {former} was at {out} until a run that was replacing it was killed; "
        f"move it back, or remove {former.parent}"
    ) in capsys.readouterr().err.splitlines()


def test_a_folder_of_another_name_is_not_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert warnings_of(tmp_path / "corpus.tmp-backup", tmp_path / "corpus", capsys) == []


def test_a_run_that_ends_in_the_meantime_is_not_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / f"corpus.tmp-{HOST}-{2**22 + 1}-0a1b2c3d"  # above the largest number
    monkeypatch.setattr(staging, "_is_locked", lambda folder: folder.rmdir())
    assert warnings_of(gone, tmp_path / "corpus", capsys) == []


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
