"""Tests tables and text that are fitted into the terminal."""

from __future__ import annotations

import pytest

from aero.core.fit import fit_tables, print_fitted
from aero.core.markdown import markdown_table

TABLE = """\
# Title

| model | perplexity | by seed | ppl |
| :-- | --: | --: | --: |
| SM+LN+G | 2.69 ± 0.01 | +1, +2 | 1 |
| SM | 13.5 |  | 2 |

Text that is longer than the terminal is broken between words.
- so is an item, with what follows to the right of its dash
"""


def test_a_wide_terminal_has_all_columns_aligned() -> None:
    lines = fit_tables(TABLE, 80).split("\n")
    assert lines[2:6] == [
        "| model   |  perplexity | by seed | ppl |",
        "| ------- | ----------: | ------: | --: |",
        "| SM+LN+G | 2.69 ± 0.01 |  +1, +2 |   1 |",
        "| SM      |        13.5 |         |   2 |",
    ]
    assert [*lines[:2], *lines[6:]] == [*TABLE.split("\n")[:2], *TABLE.split("\n")[6:]]


def test_cells_and_text_are_wrapped_between_words() -> None:
    assert fit_tables(TABLE, 40).split("\n")[2:] == [
        "| model   | perplexity | by seed | ppl |",
        "| ------- | ---------: | ------: | --: |",
        "| SM+LN+G |     2.69 ± |  +1, +2 |   1 |",
        "|         |       0.01 |         |     |",
        "| SM      |       13.5 |         |   2 |",
        "",
        "Text that is longer than the terminal is",
        "broken between words.",
        "- so is an item, with what follows to",
        "  the right of its dash",
        "",
    ]


def test_a_column_without_room_is_named_and_those_to_its_left_are_kept() -> None:
    assert fit_tables(TABLE, 30).split("\n")[2:9] == [
        "| model   | perplexity | ppl |",
        "| ------- | ---------: | --: |",
        "| SM+LN+G |     2.69 ± |   1 |",
        "|         |       0.01 |     |",
        "| SM      |       13.5 |   2 |",
        "(too narrow for: by seed;",
        "--wide prints all)",
    ]


def test_an_escaped_bar_is_part_of_its_cell() -> None:
    """Both markdown_table() and `aero ablate` escape it."""
    lines = markdown_table(["name", "x"], [["a|b", "1"], ["two\nlines", "2"]])
    assert lines[2:] == [r"| a\|b | 1 |", "| two lines | 2 |"]
    assert fit_tables("\n".join(lines), 80).split("\n") == [
        "| name      |   x |",
        "| --------- | --: |",
        r"| a\|b      |   1 |",
        "| two lines |   2 |",
    ]


def test_lines_that_are_not_a_table_stay() -> None:
    text = "| a bar begins this line\n\n| a | b |\n| --- | --- |\n| c |"
    assert fit_tables(text, 80) == text


@pytest.mark.parametrize("columns", range(12, 70))
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    assert max(map(len, fit_tables(TABLE, columns).split("\n"))) <= columns


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    # Widths: EastAsianWidth.txt of Unicode (W is wide), and the marks' categories.
    text = "| a | b |\n| :-- | :-- |\n| 模型 | x |\n| e\u0301x | y |"
    assert fit_tables(text, 20).split("\n") == [
        "| a    | b   |",
        "| ---- | --- |",
        "| 模型 | x   |",
        "| e\u0301x   | y   |",
    ]


def test_a_column_without_a_word_has_the_width_of_a_rule() -> None:
    assert fit_tables("| a |  |\n| - | - |\n| b |  |", 80).split("\n") == [
        "| a   |     |",
        "| --- | --- |",
        "| b   |     |",
    ]


def test_where_there_is_no_output_nothing_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    print_fitted(TABLE, wide=False)
