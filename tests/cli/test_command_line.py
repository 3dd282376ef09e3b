"""Tests how the command line is read: options, values, numbers and unknown words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import call, make_config


@pytest.fixture(scope="module")
def run(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command_line")
    config = make_config(folder / "mine.json", corpus, folder / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    return folder / "run"


def config_of(text: str) -> dict:
    return json.loads(text)


def test_a_list_ends_where_its_value_does(aero: str, run: Path, tmp_path: Path) -> None:
    config = run / "config.json"
    shown = call(aero, "config", "show", "--set", "model.n_layer=3", "--set", "seed=9", config)
    assert shown.returncode == 0, shown.stderr
    assert config_of(shown.stdout)["model"]["n_layer"] == 3
    assert (
        config_of(shown.stdout)["model"]["d_model"] == 16 and config_of(shown.stdout)["seed"] == 9
    )

    report = call(aero, "report", "--set", "model.n_layer=3", "--json", config)
    assert json.loads(report.stdout)["model"]["n_layer"] == 3
    report = call(aero, "report", "--cost", "aero_papers", config, "--json")
    assert json.loads(report.stdout)["model"]["d_model"] == 16, report.stderr
    costs = ["--cost", "aero_papers", "--cost", "sigma", config]
    both = json.loads(call(aero, "report", *costs, "--json").stdout)
    assert len(both["pi"]) == 2

    pruned = call(aero, "transform", "--prune-layers", "0", run, "--out", tmp_path / "a")
    assert pruned.returncode == 0, pruned.stderr
    both = call(aero, "transform", "--prune-layers", "0,1", run, "--out", tmp_path / "b")
    assert both.returncode == 0, both.stderr
    config = json.loads((tmp_path / "b/config.json").read_text())
    assert config["model"]["architecture"].endswith("_i2")

    trained = call(
        aero, "train", "--set", f"run.folder={tmp_path}/c", "--set", "train.duration=2",
        run / "config.json", "-q",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr


def test_compare_takes_all_models_that_follow(aero: str, run: Path) -> None:
    result = call(aero, "report", "--compare", "SM+LN+G", "SM+R", run, "--format", "csv")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) >= 4


def test_an_empty_value_is_a_value(aero: str, run: Path) -> None:
    for words in (["--prompt="], ["--prompt", ""]):
        result = call(aero, "generate", run, *words, "--seed", "3")
        # Without a tokenizer no prompt can be read. The seed is not mistaken for one.
        assert result.returncode == 2 and "--tokenizer" in result.stderr
    for words in (["--set="], ["--set", ""]):
        result = call(aero, "config", "show", *words, run / "config.json")
        assert result.returncode == 2 and "command line" in result.stderr
    result = call(aero, "report", run, "--cost=")
    assert result.returncode == 2 and "cost" in result.stderr


NUMBERS = [
    (
        "generate",
        "--seed",
        ["-1", "18446744073709551615", "18446744073709551616", "0x10", "", "1.5"],
    ),
    ("generate", "--max-tokens", ["0", "-3", "99999999999999999999", "many", "nan"]),
    ("generate", "--temperature", ["nan", "inf", "-1", "1e999", "warm", ""]),
    ("generate", "--top-p", ["nan", "1.1", "-0.1", "inf"]),
    ("generate", "--top-k", ["-1", "2.5"]),
    ("generate", "--samples", ["0", "1e30"]),
    ("generate", "--batch", ["0", "-1", "x"]),
    ("eval", "--stride", ["-1", "x"]),
    ("eval", "--batch-size", ["0", "-1"]),
    ("eval", "--batches", ["-1", "1" * 309]),
    ("inspect", "--batches", ["0", "inf"]),
    ("transform", "--prune-ffn", ["-1", "a"]),
    ("transform", "--prune-layers", ["0,x", "-1", "0,", "1e40"]),
]


@pytest.mark.parametrize(("command", "option", "values"), NUMBERS)
def test_a_value_that_is_not_a_number_of_the_range_is_refused_by_name(
    aero: str, run: Path, command: str, option: str, values: list[str]
) -> None:
    others: dict[str, list[str | Path]] = {
        "inspect": ["--entropy"],
        "transform": ["--out", run / "never"],
    }
    for value in values:
        result = call(aero, command, run, *others.get(command, []), f"{option}={value}")
        assert result.returncode == 2, value
        assert result.stdout == "" and result.stderr.startswith(f"error: {option}: "), result.stderr
        assert max(map(len, result.stderr.split())) <= 60  # no 309 digits


@pytest.mark.parametrize("command", ["ablate", "pipeline"])
def test_jobs_must_be_a_number(aero: str, tmp_path: Path, command: str) -> None:
    for value in ("0", "-1", "2x", "99999999999"):
        result = call(aero, command, tmp_path / "none.json", "--jobs", value)
        assert result.returncode == 2 and result.stderr.startswith("error: --jobs: ")


def test_numbers_are_decimal(aero: str, run: Path) -> None:
    texts = {
        seed: call(
            aero, "generate", run, "--ids", "1,2", "--seed", seed, "--max-tokens", "20"
        ).stdout
        for seed in ("8", "08", "10", "010", "1e1")
    }
    assert texts["8"] == texts["08"] != texts["10"] == texts["010"] == texts["1e1"]
    count = call(aero, "generate", run, "--ids", "1", "--max-tokens", "012").stdout.split()
    assert len(count) == 12


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], '"train"'),
        (["export", "run"], "export"),
        (["generat", "run"], '"generate"'),
        (["--versoin"], '"--version"'),
        (["--quite", "doctor"], '"--quiet"'),
        (["train", "--resum"], '"--resume"'),
        (["train", "mine.json", "--resum"], '"--resume"'),
        (["eval", "run", "--strde=4"], '"--stride"'),
        (["eval", "--batchsize", "4", "run"], '"--batch-size"'),
        (["config", "chekc", "mine.json"], '"check"'),
        (["config", "show", "--sett", "a=b"], '"--set"'),
        (["report", "--formt", "csv"], '"--format"'),
        (["report", "--arch", "SM", "--format", "cvs"], '"csv"'),
        (["report", "--arch", "SM", "--pass", "prefil"], '"prefill"'),
        (["eval", "run", "--split", "vla"], '"val"'),
    ],
)
def test_the_error_suggests_the_nearest_word(aero: str, words: list[str], expected: str) -> None:
    result = call(aero, *words)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("error: ")
    assert expected in result.stderr, result.stderr
    wrong = next(
        word for word in words if word not in {"train", "eval", "config", "report", "show"}
    )
    assert wrong.split("=")[0] in result.stderr or words[-1] in result.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "one of: train, ablate"),
        (["config"], "one of: check, show, help"),
        (["train"], "config is required"),
        (["eval", "run", "other"], "other: is one word too many"),
        (["eval", "run", "--split"], "--split"),
        (["inspect", "run", "--gradients"], "--logits"),
    ],
)
def test_a_command_line_that_lacks_something_says_so(
    aero: str, words: list[str], expected: str
) -> None:
    result = call(aero, *words)
    assert result.returncode == 2 and expected in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1


def test_words_after_two_dashes_are_not_options(
    aero: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("--json", "--data="):
        (tmp_path / name).symlink_to(run)
        result = call(aero, "eval", "--", name)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("checkpoint ")


@pytest.mark.parametrize("ids", ["1,,2", ",1", "1,", "1, ,2", ","])
def test_a_missing_token_id_is_reported(aero: str, run: Path, ids: str) -> None:
    result = call(aero, "generate", run, "--ids", ids)
    assert result.returncode == 2
    assert f'"{ids}": a token id is missing beside a comma' in result.stderr


def test_token_ids_are_separated_by_commas_or_blanks(aero: str, run: Path) -> None:
    options = ["--max-tokens", "2", "--temperature", "0", "--print-ids"]
    texts = ("1,2,3", " 1 2 , 3\n", "1\t2 3")
    assert len({call(aero, "generate", run, "--ids", text, *options).stdout for text in texts}) == 1
