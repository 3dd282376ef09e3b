"""Tests the repository's pages: links, figures, and what other programs read from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs/figures"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
ARXIV = re.compile(r"arxiv\.org/abs/(\d{4}\.\d{5})")


def prose(page: Path) -> str:
    """Returns a page without its code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"^ {4,}\S.*$", "", text, flags=re.M)


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path):
    for link in links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_of_docs_names_every_page():
    named = {Path(link.partition("#")[0]) for link in links(ROOT / "docs/README.md")}
    pages = {
        page.relative_to(ROOT / "docs") for page in PAGES if page.is_relative_to(ROOT / "docs")
    }
    assert pages - named <= {Path("README.md"), Path("figures/README.md")}


def test_each_figure_is_one_svg_that_a_page_shows_and_a_command_draws():
    files = {file.name for file in FIGURES.iterdir()} - {"README.md"}
    shown = {Path(link).name for page in PAGES for link in links(page) if link.endswith(".svg")}
    drawn = re.findall(r"(?:--out|cp \S+) docs/figures/(\S+)", (FIGURES / "README.md").read_text())
    assert all(name.endswith(".svg") for name in files)
    assert files == shown
    assert sorted(files) == sorted(drawn)


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def test_the_citation_is_of_this_version_and_of_the_papers_of_the_method():
    citation = read_yaml("CITATION.cff")
    version = re.search(r"project\(aero VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert version is not None
    assert citation["version"] == version[1]
    papers = {ARXIV.search(paper["url"])[1] for paper in citation["references"]}
    assert papers == set(ARXIV.findall((ROOT / "README.md").read_text()))
    for paper in citation["references"]:
        assert paper["identifiers"][0]["value"] == f"arXiv:{ARXIV.search(paper['url'])[1]}"


def test_the_workflow_calls_what_a_change_must_pass_with_actions_that_cannot_change():
    (job,) = read_yaml(".github/workflows/ci.yml")["jobs"].values()
    assert [step["run"].split()[-1] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)


def test_forms_for_issues_ask_for_something():
    forms = sorted(path.name for path in (ROOT / ".github/ISSUE_TEMPLATE").iterdir())
    assert forms == ["bug.yml", "question.yml"]
    for name in forms:
        form = read_yaml(f".github/ISSUE_TEMPLATE/{name}")
        assert form["name"]
        assert form["description"]
        assert any(
            part["validations"]["required"] for part in form["body"] if "validations" in part
        )
        assert len({part["id"] for part in form["body"]}) == len(form["body"])
