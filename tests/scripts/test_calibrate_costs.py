"""Tests that the shipped constants are those of the fit and reproduce the papers' rows."""

import json
from pathlib import Path

import pytest

from aero.commands import calibrate_costs
from aero.core.jsonc import load_object
from aero.core.places import ROOT
from aero.results.calibration import LATENCY, CostModel, Row, fit_latency, fit_token_word, read_rows
from aero.results.tables import PAPER_TABLES


@pytest.fixture(scope="module")
def model() -> CostModel:
    return CostModel(load_object(calibrate_costs.MODEL))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_rows(PAPER_TABLES)


def test_the_file_holds_the_fitted_constants(model: CostModel, rows: list[Row]) -> None:
    assert len(rows) == 35
    assert round(fit_token_word(rows, model), 1) == model.constants["token_word"]
    for name, fitted in zip(LATENCY, fit_latency(rows, model), strict=True):
        in_file = model.constants[name] * (1e9 if name == "second_per_byte" else 1)
        assert fitted == pytest.approx(in_file, rel=1e-3)


def test_every_row_comes_out_within_the_documented_errors(
    model: CostModel, rows: list[Row]
) -> None:
    for row in rows:
        assert row.total_bytes(model) == pytest.approx(row.comm_bytes, rel=0.0105)
        assert row.latency(model) == pytest.approx(row.seconds, rel=0.09)


def test_formulas_are_computed_as_arithmetic_has_them() -> None:
    model = CostModel(
        {
            "constants": {"block": {"value": 2, "unit": "kB"}},
            "primitives": {
                "one": {"arguments": ["n"], "bytes": "block * ceil(n / 8) - 2^3^2 * block / block"},
                "two": {"arguments": ["m", "k"], "bytes": "one(m * k) + one(8)"},
            },
            "latency": {"seconds": "0"},
        }
    )
    assert model("one", 9) == 4000 - 512
    assert model("two", 3, 3) == 4000 - 512 + 2000 - 512


@pytest.mark.parametrize(
    ("option", "file", "message"),
    [
        ("--model", "configs/cost/sigma.json", "not a cost model with constants, primitives and"),
        ("--model", "configs/tiny/base.json", "not a cost model with constants, primitives and"),
        ("--tables", "configs/tiny/base.json", "not the papers' tables"),
        ("--tables", "configs", "configs: is a folder; name a file"),
    ],
)
def test_a_file_of_another_kind_is_reported(
    option: str,
    file: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = str(ROOT / file)
    monkeypatch.setattr("sys.argv", ["calibrate_costs.py", option, path])
    assert calibrate_costs.main() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {path}: ") and message in said


def test_a_model_without_a_fitted_constant_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_object(calibrate_costs.MODEL)
    del model["constants"]["second_per_byte"]
    file = tmp_path / "model.json"
    file.write_text(json.dumps(model), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["calibrate_costs.py", "--model", str(file)])
    assert calibrate_costs.main() == 2
    assert f"error: {file}: no constant second_per_byte" in capsys.readouterr().err


def test_a_file_that_does_not_exist_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["calibrate_costs.py", "--model", str(tmp_path / "no.json")])
    assert calibrate_costs.main() == 2
    assert "no.json" in capsys.readouterr().err
