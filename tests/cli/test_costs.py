"""Compares report --cost with the papers' tables, and tests its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from program import call

MODEL = Path(__file__).resolve().parents[2] / "configs" / "cost" / "aero_papers.json"


@pytest.fixture(scope="module")
def saved(aero: str) -> dict[str, object]:
    models = ["SM+LN+G", "SM+LN+R", "simplified:SM+ScFFN", "EReg(SM(t)+ScFuFFN_i6)"]
    result = call(aero, "report", "--compare", *models, "--cost", "aero_papers", "--format", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_models_stand_side_by_side_as_in_the_papers(saved: dict[str, Any]) -> None:
    models = saved["models"]
    found = [model["report"]["pi"][0] for model in models]
    # GB and minutes are from arXiv 2410.13060, the table at T = 128.
    for entry, (gigabytes, minutes) in zip(
        found, [(25.32, 8.21), (9.44, 6.06), (6.83, 5.31), (6.29, 4.23)], strict=True
    ):
        assert entry["comm_bytes"] == pytest.approx(gigabytes * 1e9, rel=0.0105)
        assert entry["latency_s"] == pytest.approx(minutes * 60, rel=0.09)
    assert models[3]["comm_factor"] == pytest.approx(25.32 / 6.29, rel=0.021)


def test_the_parts_of_a_cost_add_up_to_it(saved: dict[str, Any]) -> None:
    entry = saved["models"][0]["report"]["pi"][0]
    for parts in ("by_operation", "by_layer"):
        assert sum(entry[parts].values()) == pytest.approx(entry["comm_bytes"], abs=20)
    assert sum(part["bytes"] for part in entry["operations"]) == pytest.approx(
        entry["comm_bytes"], abs=100
    )


# Measured seconds of a pass of SPU in two processes on two cores, over the loopback and a line of
# 100 Mbit/s and 80 ms: means of three runs each, docs/results/private.md.
MEASURED_SECONDS = {
    "SM+LN+G": (25.8, 100.3),
    "SM+LN+R": (13.2, 63.3),
    "SM+ScFFN": (12.7, 46.2),
    "SM+ScFuFFN": (10.8, 44.0),
    "EReg(SM(t)+ScFuFFN_i1)": (10.6, 45.2),
}


@pytest.mark.parametrize("architecture", MEASURED_SECONDS)
def test_seconds_and_latency_are_close_to_those_of_measured_passes(
    aero: str, architecture: str
) -> None:
    sizes = {"n_layer": 2, "n_head": 4, "d_model": 128, "context": 64, "vocab_size": 4096}
    arguments = [word for key, value in sizes.items() for word in ("--set", f"model.{key}={value}")]
    arguments += ["--cost", "spu_0.9.5_default_colocated", "--network", "wan", "--json"]
    result = call(aero, "report", "--arch", architecture, *arguments)
    entry = json.loads(result.stdout)["pi"][0]
    loopback, line = MEASURED_SECONDS[architecture]
    assert entry["compute_s"] == pytest.approx(loopback, rel=0.03)
    # 31 of a norm's 36 rounds are predicted, and SM+LN+R has little else: 0.4 s for each norm.
    norms = 0.4 * 5 if architecture == "SM+LN+R" else 0
    assert entry["latency_s"] + norms == pytest.approx(line, rel=0.03)
    # 100 Mbit/s are 12.5 MB a second.
    network = entry["comm_bytes"] / 12.5e6 + 0.08 * entry["rounds"]
    assert entry["latency_s"] == pytest.approx(entry["compute_s"] + network)


def test_a_row_that_the_papers_count_otherwise_says_so(aero: str) -> None:
    sizes = ["--set", "model.context=512", "--set", "model.vocab_size=16384"]
    sizes += ["--set", "model.family=simplified"]
    result = call(aero, "report", "--arch", "SM+ScFFN", "--cost", "aero_papers", "--json", *sizes)
    entry = json.loads(result.stdout)["pi"][0]
    assert entry["comm_bytes"] == pytest.approx(72.10e9, rel=0.0105)
    assert any("V and O" in note for note in entry["notes"])


def test_the_chart_is_written(aero: str, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    result = call(aero, "report", "--arch", "SM+R", "--cost", "aero_papers", "--svg", chart)
    assert result.returncode == 0
    texts = ["".join(text.itertext()) for text in ElementTree.parse(chart).getroot().iter()]
    assert any("softmax" in text for text in texts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cost", "aero_paper"], "aero_papers"),
        (["--network", "lan"], "--cost"),
        (["--cost", "aero_papers", "--network", "lan"], "seconds"),
        (["--cost", "sigma", "--network", "moon"], "moon"),
    ],
)
def test_a_bad_request_gets_one_clear_error(aero: str, arguments: list[str], said: str) -> None:
    result = call(aero, "report", "--arch", "SM+LN+G", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--cost", "sigma"], "one --cost"), (["--sensitivity"], "leave --compare out")],
)
def test_a_comparison_refuses_options_that_it_would_ignore(
    aero: str, arguments: list[str], said: str
) -> None:
    compare = ["report", "--compare", "SM", "SM+R", "--cost", "aero_papers", *arguments]
    result = call(aero, *compare)
    assert result.returncode == 2
    assert said in result.stderr
    assert call(aero, *compare, "--format", "json").returncode == 0


def test_a_comparison_says_what_is_not_charged(aero: str) -> None:
    result = call(aero, "report", "--compare", "SM+R", "SM(t)+R", "--cost", "aero_papers")
    assert "- Charged by aero_papers: whole context." in result.stdout
    assert "- Not charged: temperature, " in result.stdout


def test_a_broken_cost_file_names_file_and_key(aero: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    text = MODEL.read_text()
    file.write_text(text.replace('"unit": "B"', '"unit": "bytes"', 1))
    result = call(aero, "report", "--arch", "SM", "--cost", file)
    assert result.returncode == 2
    assert str(file) in result.stderr
    assert "unit" in result.stderr
    assert "bytes" in result.stderr
