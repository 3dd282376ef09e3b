"""Tests that durations are read as the program reads them."""

from __future__ import annotations

import os
import subprocess

import pytest

from aero.config.duration import parse_duration

READ = {
    "1000": (1000, ""),
    "10k": (10_000, ""),
    "1.5k": (1500, ""),
    "2.3M": (2_300_000, ""),
    "20Mt": (20_000_000, "t"),
    "0.5e": (0.5, "e"),
    "5%": (5, "%"),
    "100%": (100, "%"),
    "0": (0, ""),
    "9007199254740992": (2**53, ""),
}
REFUSED = ["", "soon", "150%", "1.5", "0.5t", "1kt5", "1k%", "2Me", "-3", " 5", ".5e", "5.", "1T"]
REFUSED += ["9007199254740994", "99999999999Gt", f"{'9' * 400}e"]


def accepts(text: str) -> bool:
    """Returns whether the program reads a duration."""
    command = [os.environ["AERO_PROGRAM"], "config", "show", "--set", f"schedule.warmup={text}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("text", READ)
def test_a_duration_is_read_as_the_program_reads_it(text: str) -> None:
    assert parse_duration(text) == READ[text]
    assert accepts(text)


@pytest.mark.parametrize("text", REFUSED)
def test_a_malformed_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
    assert not accepts(text)
