"""Tests scripts/gpu/check.sh: its options, its stages' calls, what it keeps of a build. Python,
CMake and AERO are stand-ins.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu_programs import ROOT, needs_torch

Check = Callable[..., subprocess.CompletedProcess[str]]

# Writes what it is called with; fails where FAILS is part of that.
PYTHON = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in *"${FAILS:-no such word}"*) exit 1 ;; esac
"""
# Names its compiler where it configures anew, and warns where it compiles for the first time.
CMAKE = """#!/bin/sh
case "$*" in
  *--fresh*) echo '-- The CXX compiler identification is GNU 13.2.0' ;;
  *--build*)
    [ -x build/gpu/bin/aero ] || echo 'x.cpp:1:2: warning: why'
    mkdir -p build/gpu/bin
    printf '#!/bin/sh\\necho "LibTorch  9.8.7"\\n' >build/gpu/bin/aero
    chmod +x build/gpu/bin/aero ;;
esac
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def check(tmp_path: Path) -> Check:
    executable(tmp_path / "built/bin/aero", "#!/bin/sh\necho of AERO\n")
    python = executable(tmp_path / "python", PYTHON)

    def run(*arguments: str, fails: str = "no such word") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "AERO_PYTHON": str(python), "FAILS": fails}
        environment["CALLS"] = str(tmp_path / "calls")
        command = [str(ROOT / "scripts/gpu/check.sh"), "--out", "out", "--build", "built"]
        return subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def called(tmp_path: Path) -> list[str]:
    """Lists the programs that check.sh has run, each with its options."""
    return (tmp_path / "calls").read_text().replace(f"{tmp_path}/", "").splitlines()


def test_every_stage_calls_its_programs(check: Check, tmp_path: Path) -> None:
    assert check("--seconds", "100", "--device", "cpu", "--tiny").returncode == 0
    common = "--aero built/bin/aero --out out"
    assert called(tmp_path) == [
        f"scripts/gpu/suite.py {common}/suite --device cpu --seconds 60 --tiny",
        f"scripts/gpu/trials.py {common}/trials --device cpu --seconds 40 --tiny",
        f"scripts/gpu/benchmark.py {common}/bench --device cpu --seconds 100 --tiny",
        f"scripts/gpu/train.py {common}/train --device cpu --seconds 100 --tiny",
        f"scripts/gpu/collect.py {common} --device cpu",
    ]
    assert (tmp_path / "out/build/doctor.txt").read_text() == "of AERO\n"


def test_only_the_stages_that_are_named_run(check: Check, tmp_path: Path) -> None:
    assert check("train").returncode == 0
    common = "--aero built/bin/aero --out out"
    assert called(tmp_path) == [
        f"scripts/gpu/train.py {common}/train --device cuda --seconds 540",
        f"scripts/gpu/collect.py {common} --device cuda",
    ]


def test_a_stage_that_fails_does_not_stop_the_others(check: Check, tmp_path: Path) -> None:
    done = check(fails="suite.py")
    assert done.returncode == 1 and done.stderr == "check: failed: test\n"
    programs = [call.split()[0].removeprefix("scripts/gpu/") for call in called(tmp_path)]
    assert programs == ["suite.py", "trials.py", "benchmark.py", "train.py", "collect.py"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "gpu"], "--device gpu: it must be cuda or cpu"),
        (["--seconds", "0"], "--seconds 0: it must be a whole number above 0"),
        (["--seconds"], "--seconds needs a value"),
        (["tests"], "unknown argument tests"),
        (["test", "--build", "empty"], "empty/bin/aero does not exist"),
    ],
)
def test_a_wrong_command_line_is_reported(
    check: Check, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = check(*arguments)
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "calls").exists()


def test_fresh_deletes_results_and_nothing_else(check: Check, tmp_path: Path) -> None:
    out = tmp_path / "out"
    results = [
        *("results.json", "results.md", "build/build.log", "suite/suite.json", "suite/suite.log"),
        *("trials/trials.md", "bench/benchmark.before.json", "train/train.md", "train/work/x"),
    ]
    others = ["notes.txt", "build/mine", "train/mine/x", "run/x"]
    for name in results + others:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    assert check("bench").returncode == 0
    assert all((out / name).exists() for name in results)
    assert check("bench", "--fresh").returncode == 0
    assert [name for name in results if (out / name).exists()] == []
    assert all((out / name).exists() for name in others)


@needs_torch
def test_warnings_and_compilers_are_those_of_the_last_build(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__")
    )
    executable(tmp_path / "bin/cmake", CMAKE)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "AERO_PYTHON": sys.executable,
        "AERO_LIBTORCH": str(tmp_path),
    }
    command = [str(tmp_path / "scripts/gpu/check.sh"), "build", "--device", "cpu", "--out", "out"]
    for warnings in (1, 0):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found = json.loads((tmp_path / "out/results.json").read_text())["build"]
        assert found["warnings"] == warnings
        assert found["compilers"] == {"CXX": "GNU 13.2.0"}


@needs_torch
def test_a_build_that_was_cut_off_goes_on_with_its_log(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__")
    )
    cut_off = "    [ -e again ] || { touch again; exec sleep 30; }\n"
    executable(tmp_path / "bin/cmake", CMAKE.replace("    mkdir", cut_off + "    mkdir"))
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "AERO_PYTHON": sys.executable,
        "AERO_LIBTORCH": str(tmp_path),
    }
    command = [str(tmp_path / "scripts/gpu/check.sh"), "build", "--device", "cpu", "--out", "out"]
    statuses = [
        subprocess.run(
            [*command, *more], cwd=tmp_path, env=environment, capture_output=True, check=False
        ).returncode
        for more in (["--seconds", "1"], [])
    ]
    assert statuses[0] != 0 and statuses[1] == 0
    found = json.loads((tmp_path / "out/results.json").read_text())["build"]
    assert found["warnings"] == 2  # one in each call
