"""Tests what bash completes, by bash itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from program import call


@pytest.fixture(scope="module")
def script(aero: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "aero"
    path.write_text(call(aero, "completion").stdout)
    return path


def completed(script: Path, line: str) -> list[str]:
    """Returns what bash offers for the last word of a line, which may be empty."""
    words = line.split(" ")
    ask = (
        f"source {script}; compopt() {{ echo nospace; }}; "
        f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; "
        '_aero; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(["bash", "-uc", ask], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout.split()


def test_commands(script: Path) -> None:
    offered = completed(script, "aero ")
    assert {"train", "ablate", "report", "config", "completion", "--version"} <= set(offered)
    assert completed(script, "aero tr") == ["train", "transform"]
    assert completed(script, "aero -q config s") == ["show", "schema"]


def test_options_of_the_command(script: Path) -> None:
    assert completed(script, "aero train --re") == ["--resume"]
    assert completed(script, "aero config show --s") == ["--set"]
    assert completed(script, "aero train mine.json --resume --se") == ["--set"]


def test_values(script: Path) -> None:
    assert completed(script, "aero eval runs/mine --split ") == ["val", "train"]
    assert completed(script, "aero report --network w") == ["wan"]
    assert "spu_0.9.5_fast_shared" in completed(script, "aero report mine.json --cost ")
    assert "spu_0.9.5" not in completed(script, "aero report mine.json --cost ")


def test_config_keys_await_a_value(script: Path) -> None:
    assert completed(script, "aero train --set model.n_l") == ["nospace", "model.n_layer="]


def test_files_are_left_to_bash(script: Path) -> None:
    assert completed(script, "aero train min") == []
