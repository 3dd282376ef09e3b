"""Tests compare_members.py: differences of members over the seeds that both finished."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from aero.commands import compare_members
from aero.results import latex
from aero.results.latex import latex_table, latex_text
from aero.results.student import t_of_95_percent
from results_folder import member, seed_run, write_sweep


@pytest.fixture
def result(tmp_path: Path) -> Path:
    def runs(*perplexities: float | None) -> list[dict[str, object]]:
        return [
            seed_run(seed, tmp_path, perplexity=value, state="finished" if value else "nonfinite")
            for seed, value in enumerate(perplexities, 1)
        ]

    return write_sweep(
        tmp_path / "sweep.json",
        [
            member("SM+LN+G", 12.0, runs(10.0, 12.0, 14.0)),
            member("SM", 16.0, runs(13.0, 16.0, 19.0)),
            member("SM+R", 13.0, runs(11.0, None, 15.0)),
        ],
    )


def rows_of(text: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["compare_members.py", *map(str, arguments)])
    return compare_members.main()


def test_differences_are_taken_seed_by_seed(
    result: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, result) == 0
    rows = rows_of(capsys.readouterr().out)
    # By hand: 3, 4, 5 have mean 4 and deviation 1; the pairs of seeds 1 and 3 are 1 and 1.
    assert rows["SM+LN+G"][:3] == ["12.00 ± 2.00", "", ""]
    assert rows["SM"][:3] == ["16.00 ± 3.00", "+4.00 ± 1.00", "+3.00, +4.00, +5.00"]
    assert rows["SM+R"][:3] == ["13.00 ± 2.83", "+1.00 ± 0.00", "+1.00, +1.00"]
    assert rows["SM"][3] == "10% 20% 30% 40%"


def test_a_difference_within_the_spread_of_the_seeds_is_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The members have 22 pairs, whose t is 2.080, not the normal distribution's 1.960."""

    def runs(mean: float, spread: float) -> list[dict[str, object]]:
        values = [mean + (spread if seed % 2 else -spread) for seed in range(22)]
        return [seed_run(seed, tmp_path, perplexity=value) for seed, value in enumerate(values)]

    # By hand: differences of mean 1 and deviation s = d sqrt(22 / 21), margin t s / sqrt(22).
    level, apart = (21**0.5 / t for t in (2.05, 2.11))
    members = [member("A", 10, runs(10, 0)), member("B", 11, runs(11, level))]
    members.append(member("C", 11, runs(11, apart)))
    assert run(monkeypatch, write_sweep(tmp_path / "sweep.json", members)) == 0
    rows = rows_of(capsys.readouterr().out)
    assert rows["B"][1] == "+1.00 ± 2.29 (level)"
    assert rows["C"][1] == "+1.00 ± 2.22"


@pytest.mark.parametrize(
    ("degrees", "t"),
    [
        *((1, 12.706), (2, 4.303), (3, 3.182), (10, 2.228), (20, 2.086), (21, 2.080)),
        *((30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980), (1000, 1.962)),
    ],
)
def test_students_t_is_that_of_printed_tables(degrees: int, t: float) -> None:
    assert t_of_95_percent(degrees) == pytest.approx(t, abs=5e-4)


def test_another_member_may_be_the_reference(
    result: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, result, "--against", "SM", "--members", "SM+LN+G") == 0
    rows = rows_of(capsys.readouterr().out)
    assert set(rows) == {"member", ":--", "SM+LN+G"}
    assert rows["SM+LN+G"][1] == "-4.00 ± 1.00"


@pytest.mark.parametrize("arguments", [("--against", "SM+G"), ("--members", "SM+G")])
def test_a_member_that_does_not_exist_is_named(
    arguments: tuple[str, str],
    result: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, result, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: {result}: no member "SM+G"; it has')


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--formt", "latex"], "--formt: no such option, did you mean --format? see "),
        (
            ["--format", "latx"],
            "--format: 'latx', did you mean latex? one of markdown, latex; see ",
        ),
        (["--xyz=1", "more"], "--xyz: no such option; see "),
        (["more"], "unrecognized arguments: more; see "),
        (["--members"], "--members: expected at least one argument; see "),
    ],
)
def test_a_misspelt_word_is_named_in_one_line(
    result: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    fault: str,
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, result, *words)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {fault}compare_members.py --help\n"


def test_a_terminal_gets_no_control_characters_of_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_sweep(tmp_path / "sweep.json", [member("A", 1.0), member("a|b\x1b[2J\ud800", 2.0)])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(monkeypatch, file, "--against", "A") == 0
    assert r"| a\|b?[2J? " in capsys.readouterr().out
    assert run(monkeypatch, file, "--against", "A", "--format", "latex") == 0
    assert r"a\textbar{}b?{[}2J?" in capsys.readouterr().out
    assert run(monkeypatch, file, "--against", "B") == 2
    assert '"a|b?[2J?"' in capsys.readouterr().err


def test_a_table_for_a_paper_is_a_tabular_with_its_characters_escaped(
    result: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, result, "--against", "SM", "--format", "latex") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        r"% needs \usepackage{booktabs}",
        r"\begin{tabular}{lrrrr}",
        r"\toprule",
    ]
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    assert (
        r"SM+LN+G & 12.00 $\pm$ 2.00 & $-$4.00 $\pm$ 1.00 & $-$3.00, $-$4.00, $-$5.00 & "
        r"10\% 20\% 30\% 40\% \\"
    ) in lines


def test_signs_of_mathematics_are_set_as_such_and_others_named_first() -> None:
    assert latex_text("α=0.1 ≤ Λ × 2 ± µ") == (
        r"$\alpha$=0.1 $\leq$ $\Lambda$ $\times$ 2 $\pm$ $\mu$"
    )
    assert latex_table(["é"], [["λ"]])[0].startswith("% needs ")
    first, second, *_ = latex_table(["中"], [["λ"], ["ж"]])
    assert first == "% compile with xelatex or lualatex, and a font that has ж中"
    assert second.startswith("% needs ")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_pdflatex_compiles_a_table_of_all_that_has_a_command(tmp_path: Path) -> None:
    names = [*latex._SPECIAL, "é ö ñ", "α=0.1 ≤"]
    table = latex_table(["member", "x"], [[f"{name} a{name}", "-1"] for name in names])
    assert not table[0].startswith("% compile")
    head = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
    lines = [head, *table, "\\end{document}\n"]
    (tmp_path / "table.tex").write_text("\n".join(lines), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-500:]


def test_every_special_character_of_latex_is_escaped() -> None:
    assert latex_text("a_b & 5% $x$ #1 {y} ~ ^2 \\ [z] * < > |") == (
        r"a\_b \& 5\% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{}2 \textbackslash{} {[}z] "
        r"{*} \textless{} \textgreater{} \textbar{}"
    )
    assert latex_text("1e-3, SM-2, -2") == "1e-3, SM-2, $-$2"
