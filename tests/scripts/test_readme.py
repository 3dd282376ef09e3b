"""Tests that README.md's commands run, here or in a named test, and print what is shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV_SPU = ROOT / "build/venv-spu"
REPORT = "aero report"  # its figures follow from the cost models alone
MARK = "=== command "

# Commands that cannot run among these tests, and what runs them instead.
ELSEWHERE = {
    "scripts/test.sh": "runs this test; .ci/run calls it",
    "scripts/quickstart.sh": "test_quickstart_runs_to_its_end, with two steps of training",
    "scripts/setup_private.sh": "scripts/test.sh calls it",
    "build/venv-spu/bin/python": "test_the_model_runs_under_encryption",
}


@dataclass
class Command:
    """Holds a command of the README and the lines below it; "…" stands for what is left out."""

    text: str
    shown: list[str] = field(default_factory=list)

    def elsewhere(self) -> bool:
        return any(self.text.startswith(start) for start in ELSEWHERE)


def commands() -> list[Command]:
    """Lists the commands of the README's console blocks, which are all of its code."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert {language for language, _ in blocks} == {"console"}
    found: list[Command] = []
    for line in "".join(text for _, text in blocks).splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ ")))
        elif found[-1].text.endswith("\\") and not found[-1].shown:
            found[-1].text += "\n" + line
        else:
            found[-1].shown.append(line)
    return found


def pattern_of(line: str, figures_vary: bool) -> re.Pattern[str]:
    """Returns a pattern of a line of the README, in which all blanks and varying figures match."""
    words = [re.escape(word) for word in line.replace("…", " … ").split()]
    if figures_vary:
        words = [re.sub(r"(?<!\w)(\\[-+])?\d[\d,]*(\\\.\d+)?", r"[-+]?[\\d.,]+", w) for w in words]
    middle = r"\s*".join(".*" if word == "…" else word for word in words)
    return re.compile(rf"\s*{middle}\s*")


def compare(command: Command, printed: str) -> None:
    """Checks that the lines shown were printed in order; "…" stands for any number of them."""
    lines = iter(printed.splitlines())
    may_skip = False
    for shown in command.shown:
        if shown == "…":
            may_skip = True
            continue
        pattern = pattern_of(shown, figures_vary=not command.text.startswith(REPORT))
        candidates = lines if may_skip else [next(lines, "")]
        assert any(pattern.fullmatch(line) for line in candidates), (
            f"README.md shows for `{command.text}` the line\n  {shown}\nand it prints\n{printed}"
        )
        may_skip = False
    assert may_skip or next(lines, None) is None or not command.shown


def checkout(folder: Path) -> Path:
    """Makes a folder with what the commands read of a checkout, and a place to write to."""
    for name in ("scripts", "configs", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "build/release/bin").mkdir(parents=True)
    (folder / "build/release/bin/aero").symlink_to(os.environ["AERO_PROGRAM"])
    for name in ("venv", "venv-spu"):
        (folder / "build" / name).symlink_to(ROOT / "build" / name)
    return folder


def run(listed: list[Command], folder: Path) -> list[str]:
    """Runs commands in one shell, and returns what each prints on both of its streams."""
    script = ["set -e", "exec 2>&1"]
    for number, command in enumerate(listed):
        script += [command.text, f"echo; echo '{MARK}{number}'"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = re.split(rf"\n{MARK}\d+\n", done.stdout)
    assert done.returncode == 0, f"`{listed[len(printed) - 1].text}` failed:\n{printed[-1]}"
    return printed[:-1]


def test_every_command_runs_and_prints_what_is_shown(tmp_path: Path):
    listed = [command for command in commands() if not command.elsewhere()]
    assert len(listed) >= 6
    for command, printed in zip(listed, run(listed, checkout(tmp_path)), strict=True):
        compare(command, printed)


def test_each_command_that_runs_elsewhere_is_one_of_the_readme():
    for start in ELSEWHERE:
        assert any(command.text.startswith(start) for command in commands()), start


@pytest.mark.slow
@pytest.mark.skipif(not VENV_SPU.exists(), reason="scripts/setup_private.sh has made no venv-spu")
def test_the_model_runs_under_encryption(tmp_path: Path):
    listed = [
        command
        for command in commands()
        if not command.elsewhere() or "private_inference.py" in command.text
    ]
    compare(listed[-1], run(listed, checkout(tmp_path))[-1])


def smaller(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text, f"{file.name} has no {before}"
    file.write_text(text.replace(before, after))


@pytest.mark.slow
def test_quickstart_runs_to_its_end(tmp_path: Path):
    folder = checkout(tmp_path)
    (folder / "scripts/build.sh").write_text("#!/bin/sh\n")  # the program is there
    smaller(folder / "scripts/quickstart.sh", "--max-bytes 24M", "--max-bytes 2M")
    smaller(folder / "configs/quickstart.json", '"duration": "900"', '"duration": "2"')
    (printed,) = run([Command("scripts/quickstart.sh")], folder)
    assert "perplexity" in printed and "== next" in printed
