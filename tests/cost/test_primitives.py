"""What Python and the docs say of primitives is what the program's catalogue says."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from aero.config.cost_models import SHIPPED, read_cost_model
from aero.core.places import ROOT
from aero.results.markdown import LETTERS

# The ends of names in cost models, by the second operand.
ENDINGS = {
    "product": ("_weight", "_activation"),
    "scale": ("_weight", "_activation", "_constant"),
}


@dataclass(frozen=True)
class Row:
    """Of the catalogue."""

    name: str
    letter: str
    role: str
    flops: int

    @property
    def called(self) -> list[str]:
        return [self.name + ending for ending in ENDINGS.get(self.role, ("",))]


def catalogue() -> list[Row]:
    done = subprocess.run(
        [os.environ["AERO_PRIMITIVES"]], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return [Row(name, letter, role, int(flops)) for name, letter, role, flops in rows]


def test_the_catalogue_is_there() -> None:
    rows = catalogue()
    assert len(rows) == len({row.name for row in rows}) >= 15
    assert Row("softmax", "SM", "attention", 5) in rows


def test_tables_of_the_papers_have_its_letters() -> None:
    letters = {row.name: row.letter for row in catalogue()}
    assert {name: letters[name] for name in LETTERS} == LETTERS


def test_the_docs_tell_what_cost_models_are_asked_for() -> None:
    text = (ROOT / "docs" / "cost-models.md").read_text()
    chapter = text.partition("## Primitives that the program calls")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", chapter, re.MULTILINE)
    told = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(told) == sorted(name for row in catalogue() for name in row.called)


def test_a_model_of_all_of_spu_prices_each() -> None:
    for file in SHIPPED.glob("spu_*.json"):
        primitives = read_cost_model(file)["primitives"]
        assert {name for row in catalogue() for name in row.called} <= set(primitives)
