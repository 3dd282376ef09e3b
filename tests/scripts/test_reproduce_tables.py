"""Tests the papers' figures against their formulas, and reproduce_tables.py by hand."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aero.commands import reproduce_tables
from aero.core import jsonc
from aero.results.comparability import statements
from aero.results.markdown import compare, operations_text
from aero.results.sweep import read_sweep
from aero.results.tables import Row, Table, change_percent, match, paper_tables
from results_folder import member, seed_run, write_run, write_sweep

ROOT = Path(__file__).resolve().parents[2]
SWEEPS = ROOT / "configs" / "tables"
TABLES = paper_tables()


def row(name: str, perplexity: float | None, **changes: object) -> Row:
    fields: dict[str, Any] = {"architecture": name, "family": "", "forms": {}, "operations": None}
    costs = dict.fromkeys(("ffn_gflops", "attention_gflops", "comm_gb", "latency_min"))
    return Row(**({"name": name, "perplexity": perplexity} | fields | costs | changes))


def table(*rows: Row) -> Table:
    model = {"family": "gpt2", "n_layer": 12, "n_head": 12, "d_model": 768, "context": 128}
    fixed = ("t", "A table", ["arXiv:1"], "t", model, "CodeParrot", 10_000_000)
    return Table(*fixed, rows[0].name, [*rows])


def ffn_count(architecture: str, layers: int) -> int:
    pruned = re.search(r"_i(\d+)", architecture)
    return layers - (int(pruned.group(1)) if pruned else 0)


@pytest.mark.parametrize("name", TABLES)
def test_the_flops_of_every_row_follow_from_the_formulas(name: str):
    """A layer's FFN has 16 T d^2, fused 2 T d^2; attention 8 T d^2 + 3 T^2 d, or 4 and 2 without V
    and O.
    """
    found = TABLES[name]
    layers, width = found.model["n_layer"], found.model["d_model"]
    context = found.model["context"]
    for each in found.rows:
        if each.ffn_gflops is None or each.attention_gflops is None:
            continue
        an_ffn = (2 if "FuFFN" in each.architecture else 16) * context * width**2
        ffn = ffn_count(each.architecture, layers) * an_ffn / 1e9
        half = each.family == "simplified"
        square, length = (4, 2) if half else (8, 3)
        attention = layers * (square * context * width**2 + length * context**2 * width) / 1e9
        # The papers round 58.0 / 8 a second time: 7.3 for 7.248.
        assert each.ffn_gflops == pytest.approx(ffn, abs=0.053), each.name
        assert each.attention_gflops == pytest.approx(attention, abs=0.0501), each.name


def test_the_tables_give_the_savings_of_the_abstract():
    """2410.13060 claims 4.23 times less communication (18 layers), 1.94 times less latency (12)."""
    deep, rows = TABLES["gpt2-18l-t128"], TABLES["gpt2-t128"]
    dear, cheap = deep.row("SM+LN+G").comm_gb, deep.row("SM+ScFuFFN_i4").comm_gb
    slow, fast = rows.row("SM+LN+G").latency_min, rows.row("SM+ScFuFFN_i6").latency_min
    assert dear and cheap and slow and fast
    assert round(dear / cheap, 2) == 4.23
    assert round(slow / fast, 2) == 1.94


def test_nan_stands_where_the_papers_have_it():
    rows = TABLES["gpt2-t128"]
    assert [each.name for each in rows.rows if each.perplexity is None] == []
    diverged = [each.name for each in TABLES["languini-1.2b"].rows if each.perplexity is None]
    assert diverged == ["sota SM+ScFFN"]


@pytest.mark.parametrize("folder", [SWEEPS, SWEEPS.parent / "tiny"], ids=lambda path: path.name)
@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_a_table_has_a_run_in_its_sweeps(name: str, folder: Path):
    found = TABLES[name]
    sweep = jsonc.load_object(folder / f"{found.sweep}.json")
    runs = {run if isinstance(run, str) else run["name"]: run for run in sweep["runs"]}
    assert (folder / sweep["base"]).is_file()
    assert sweep["baseline"] in runs
    for each in found.rows:
        if folder != SWEEPS and "_i" in each.name:
            continue  # of fewer layers, other shares are pruned
        run = runs[each.name]
        changes = {"model.architecture": run} if isinstance(run, str) else run["set"]
        assert changes["model.architecture"] == each.architecture
        assert changes.get("model.family", "") == each.family
        forms = {key: changes.get(f"model.{key}") for key in ("qk_form", "v_form", "o_form")}
        assert {key: value for key, value in forms.items() if value} == each.forms


def test_no_sweep_is_left_without_a_table_but_that_of_the_gamma_figure():
    sweeps = {file.stem for file in SWEEPS.glob("*.json")}
    assert sweeps - {found.sweep for found in TABLES.values()} == {"gamma"}


def test_json_with_comments_keeps_what_looks_like_one_in_a_text():
    text = """// first
    {"a": "http://x", /* two
    lines */ "b": [1, 2,], "c": "x, ]", "d": "\\"//", }"""
    assert jsonc.parse(text) == {"a": "http://x", "b": [1, 2], "c": "x, ]", "d": '"//'}


def test_a_change_is_a_share_of_the_baseline():
    assert change_percent(3.3, 3.0) == pytest.approx(10)
    assert change_percent(None, 3.0) is None
    assert change_percent(3.0, None) is None


def test_operations_read_as_in_the_papers():
    assert operations_text({"softmax": [144, 128, 128], "final_layernorm": [1, 128, 768]}) == (
        "SM 144 x 128x128, final LN 1 x 128x768"
    )


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    config = {"data": {"path": "data/python"}, "train": {"dtype": "bfloat16"}}
    one = write_run(tmp_path / "SM+LN+G" / "seed-1", {4: 1.0}, config=config)
    both = [seed_run(1, one), seed_run(2, tmp_path / "none", tokens=3000)]
    event = {"step": 7, "quantity": "loss", "layer": "blocks.1.attention", "parameter": "w"}
    stopped = seed_run(2, tmp_path / "none", state="nonfinite", nonfinite=event)
    waiting = seed_run(1, tmp_path / "none", state="unfinished", steps=0, tokens=0)
    started = seed_run(1, tmp_path / "none", state="unfinished", steps=2)
    return write_sweep(
        tmp_path / "t.json",
        [
            member("SM+LN+G", 3.0, both, std=0.25),
            member("SM", 3.3, [seed_run(1, tmp_path / "none"), stopped]),
            member("sota SM", 4.5, both, architecture="SM", config={"family": "simplified"}),
            member("SM+G", None, [waiting]),
            member("SM+R", None, [started]),
            member("WN QK", 3.6, both, architecture="SM", config={"qk_form": "weight_norm"}),
            member("SM+LR", 3.15, both),
        ],
    )


def cells(text: str, name: str) -> list[str]:
    """Returns the cells of the first line of a Markdown table that begins with a name."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_papers_figures_stand_beside_ours(sweep_file: Path):
    forms = {"qk_form": "weight_norm"}
    rows = [
        row("SM+LN+G", 2.0),
        row("SM", None),
        row("sota SM", 4.0, architecture="SM", family="simplified"),
        row("SM+G", 2.5),
        row("SM+R", 2.2),
        row("WN QK", 3.0, architecture="SM", forms=forms),
        row("SM+LN", 2.4),
    ]
    text = compare(table(*rows), read_sweep(sweep_file))
    assert cells(text, "SM+LN+G")[1:] == ["2.00", "+0.0%", "3.000 ± 0.250 (n = 2)", "+0.0%"]
    diverged = "3.300 (n = 1); NaN in 1 of 2 seeds (step 7, layer 1)"
    assert cells(text, "SM")[1:] == ["NaN", "–", diverged, "+10.0%"]
    assert cells(text, "sota SM")[1:] == ["4.00", "+100.0%", "4.500 (n = 2)", "+50.0%"]
    assert cells(text, "SM+G")[1:] == ["2.50", "+25.0%", "not run", "–"]
    assert cells(text, "SM+R")[1:] == ["2.20", "+10.0%", "1 of 1 unfinished", "–"]
    assert cells(text, "WN QK")[1:] == ["3.00", "+50.0%", "3.600 (n = 2)", "+20.0%"]
    assert cells(text, "SM+LN")[1:] == ["2.40", "+20.0%", "not run", "–"]
    assert cells(text, "SM+LR")[1:] == ["–", "–", "3.150 (n = 2)", "+5.0%"]


def test_members_that_answer_to_another_table_are_left_to_it(sweep_file: Path):
    other = table(row("SM+LR", 3.0))
    text = compare(table(row("SM+LN+G", 2.125)), read_sweep(sweep_file), [other])
    assert "| SM+LR |" not in text
    assert cells(text, "SM+LN+G")[1] == "2.125"
    assert cells(text, "SM+R")[1] == "–"


def test_costs_are_shown_where_the_papers_have_them(sweep_file: Path):
    costs = {"ffn_gflops": 14.5, "attention_gflops": 7.7, "comm_gb": 25.32, "latency_min": 8.21}
    first = row("SM+LN+G", 2.0, operations={"softmax": [144, 128, 128]}, **costs)
    text = compare(table(first), read_sweep(sweep_file))
    assert "| SM+LN+G | 14.5 | 0.003 | 7.7 | 0.001 | 25.32 | – | 8.21 | – |" in text
    assert "| SM+LN+G | SM 144 x 128x128 | SM 6 x 8x8 |" in text
    assert "Communication and latency are the papers' own measurements" in text


def test_predicted_costs_stand_beside_the_papers(tmp_path: Path):
    pi = {"cost_model": "aero_papers", "comm_bytes": 25.28e9, "latency_s": 469.2}
    file = write_sweep(tmp_path / "sweep.json", [member("SM+LN+G", 2.0, pi=pi)])
    costs = {"ffn_gflops": 14.5, "attention_gflops": 7.7, "comm_gb": 25.32, "latency_min": 8.21}
    text = compare(table(row("SM+LN+G", 2.0, **costs)), read_sweep(file))
    assert "| 25.32 | 25.28 | 8.21 | 7.82 |" in text
    assert "predicted by the cost model aero_papers" in text


def test_what_cannot_be_compared_is_reported(sweep_file: Path):
    found = table(row("SM+LN+G", 2.0), row("SM", None), row("SM+LN", 2.4))
    sweep = read_sweep(sweep_file)
    said = "\n".join(statements(found, sweep, match(found, sweep)[0]))
    for statement in (
        "ours L = 2, H = 3, d = 12, T = 8, the papers L = 12, H = 12, d = 768, T = 128",
        'ours "data/python", vocabulary of 97; the papers CodeParrot',
        "Seeds: ours 1, 2;",
        "kept in all of ours, as in the authors' public code",
        "Initial std: ours 0.02;",
        "Output projections: ours smaller by sqrt(2L);",
        "ours in bfloat16",
        "Not run: SM+LN.",
        "Diverged in some seed: SM.",
        "NaN in the papers: SM.",
    ):
        assert statement in said


def test_tokens_are_those_of_finished_runs(tmp_path: Path):
    runs = [seed_run(1, tmp_path, tokens=2000), seed_run(2, tmp_path, tokens=5000)]
    unfinished = seed_run(3, tmp_path, tokens=10, state="unfinished")
    file = write_sweep(tmp_path / "t.json", [member("SM", 3.0, [*runs, unfinished])])
    found = table(row("SM", 2.0))
    sweep = read_sweep(file)
    said = statements(found, sweep, match(found, sweep)[0])
    assert "Tokens of a run: ours 0.002 to 0.005 M, the papers 0.01 G (0.05% of it)." in said


def test_a_row_takes_every_member_of_its_architecture_where_none_has_its_name(tmp_path: Path):
    ereg = "EReg(SM(t)+ScFuFFN)"
    members = [
        member("SM", 3.0),
        member("gamma=0.1", 2.8, architecture=ereg),
        member("gamma=0.2", 2.7, architecture=ereg),
    ]
    sweep = read_sweep(write_sweep(tmp_path / "t.json", members))
    lines, rest = match(table(row("SM", 2.0), row(ereg, 1.9)), sweep)
    assert [line.member.name for line in lines if line.member] == ["SM", "gamma=0.1", "gamma=0.2"]
    assert rest == []


def test_the_table_is_written_to_a_file_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    results = tmp_path / "results"
    write_sweep(results / "gpt2-t128" / "gpt2-t128.json", [member("SM+LN+G", 2.7)])
    out = tmp_path / "docs" / "table.md"
    arguments = ["gpt2-t128", "--results", str(results), "--out", str(out)]
    assert reproduce_tables.main(arguments) == 0
    assert out.read_text(encoding="utf-8") == capsys.readouterr().out
    assert cells(out.read_text(encoding="utf-8"), "EReg(SM(t)+ScFuFFN)")[1] == "3.21"


def test_all_tables_come_with_those_that_were_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_sweep(tmp_path / "languini-1.2b.json", [member("SM+LN+G", 26.0)])
    assert reproduce_tables.main(["all", "--results", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.count("\n## ") + 1 == len(TABLES)
    assert "Nothing of this table has been run (sweep gpt2-t256)." in text


def test_a_missing_result_is_an_error_that_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert reproduce_tables.main(["gpt2-t128", "--results", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "gpt2-t128.json: no result of a sweep; run `aero ablate`, or give --run" in message


def write_program(file: Path, result: Path, status: int) -> Path:
    """Writes a stand-in for `aero`, which records its arguments and writes a result."""
    record = json.dumps({"members": [member("SM+LN+G", 2.7)]})
    lines = ["#!/bin/sh", f'echo "$@" > "{file}.arguments"', f"mkdir -p '{result.parent}'"]
    lines += [f"cat > '{result}' <<'END'", record, "END", f"exit {status}"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_run_trains_the_sweep_of_the_table_first(tmp_path: Path):
    sweep = tmp_path / "mine.json"
    result = tmp_path / "runs" / "own.json"
    text = f'// mine\n{{"base": "b.json", "name": "own", "folder": "{result.parent}"}}'
    sweep.write_text(text, encoding="utf-8")
    program = write_program(tmp_path / "aero", result, 0)
    arguments = ["gpt2-t128", "--sweep", str(sweep), "--run", "--jobs", "2"]
    assert reproduce_tables.main([*arguments, "--aero", str(program)]) == 0
    noted = Path(f"{program}.arguments").read_text(encoding="utf-8")
    assert noted == f"ablate {sweep} --jobs 2\n"


@pytest.mark.parametrize(
    ("costs", "options"),
    [
        ("aero_papers", "--cost aero_papers --network none"),
        ("spu_0.9.5_fast_shared.wan", "--cost spu_0.9.5_fast_shared --network wan"),
    ],
)
def test_other_costs_have_a_result_of_their_own(tmp_path: Path, costs: str, options: str):
    program = write_program(tmp_path / "aero", tmp_path / f"gpt2-t128.{costs}.json", 0)
    arguments = ["gpt2-t128", "--run", "--results", str(tmp_path), "--aero", str(program)]
    assert reproduce_tables.main([*arguments, "--costs", costs]) == 0
    assert Path(f"{program}.arguments").read_text(encoding="utf-8").endswith(f" {options}\n")


def test_an_unknown_cost_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["gpt2-t128", "--run", "--results", str(tmp_path), "--costs", "spu"]
    assert reproduce_tables.main(arguments) == 2
    assert "--costs spu: not one of configs/cost: aero_papers" in capsys.readouterr().err


def test_a_sweep_that_fails_gives_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    program = write_program(tmp_path / "aero", tmp_path / "gpt2-t128.json", 143)
    arguments = ["gpt2-t128", "--run", "--results", str(tmp_path), "--aero", str(program)]
    assert reproduce_tables.main(arguments) == 1
    captured = capsys.readouterr()
    assert "ended with status 143; run it again" in captured.err
    assert captured.out == ""


SWEEP = """#!/bin/sh
trap 'echo saved > "{0}.state"; exit 130' TERM
echo begun > "{0}.state"
while :; do sleep 0.05; done
"""


def test_a_sweep_saves_when_the_script_is_interrupted(tmp_path: Path):
    program, state = tmp_path / "aero", tmp_path / "aero.state"
    program.write_text(SWEEP.format(program), encoding="utf-8")
    program.chmod(0o755)
    words = ["gpt2-t128", "--run", "--aero", str(program)]
    command = [sys.executable, ROOT / "scripts" / "reproduce_tables.py", *words]
    with subprocess.Popen(command) as script:
        deadline = time.monotonic() + 60
        while not state.exists() or not state.read_text():
            assert script.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        script.send_signal(signal.SIGINT)
        assert script.wait(30) == 130
    assert state.read_text() == "saved\n"


def test_a_program_that_is_not_built_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["gpt2-t128", "--run", "--aero", str(tmp_path / "aero")]
    assert reproduce_tables.main(arguments) == 1
    assert "build it with scripts/build.sh" in capsys.readouterr().err
