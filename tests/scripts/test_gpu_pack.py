"""Tests that scripts/gpu/pack.sh makes its folder, and removes no other."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gpu_programs import ROOT


def pack(folder: str, where: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts/gpu/pack.sh"), folder]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["mine", "mine/", "."])
def test_a_folder_of_something_else_stays(tmp_path: Path, name: str) -> None:
    precious = tmp_path / "mine" / "commit"
    precious.parent.mkdir()
    precious.write_text("a file of the user's")
    done = pack(name, tmp_path)
    assert done.returncode == 1
    assert f"pack: {(tmp_path / name).resolve()} is not a pack; " in done.stderr
    assert precious.read_text() == "a file of the user's"
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("text")
    assert "is a file; name a folder" in pack("mine", tmp_path).stderr
    assert (tmp_path / "mine").read_text() == "text"


def expect_libraries_in(folder: Path) -> None:
    """Expects that the pack's pkg-config names headers and static libraries of the pack alone."""
    libraries = next(folder.glob("usr/lib/*-linux-gnu"))
    for name, header in (("libdeflate", "libdeflate.h"), ("libpcre2-8", "pcre2.h")):
        places = []
        for variable in ("includedir", "libdir"):
            asked = [folder / "usr/bin/pkg-config", f"--variable={variable}", name]
            paths = {**os.environ, "PKG_CONFIG_LIBDIR": str(libraries / "pkgconfig")}
            done = subprocess.run(asked, env=paths, capture_output=True, text=True, check=True)
            places.append(Path(done.stdout.strip()).resolve())
        assert places == [(folder / "usr/include").resolve(), libraries.resolve()], name
        assert (places[0] / header).is_file()
        assert (places[1] / f"{name}.a").is_file()


def test_a_pack_gives_way_to_a_newer_one(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    for _ in range(2):
        done = pack("pack/", tmp_path)
        if "first run scripts/setup.sh" in done.stderr:
            pytest.skip("the packages are not installed")
        if "not a git repository" in done.stderr:
            pytest.skip("the sources are no checkout, so a pack has no commit to name")
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "pack/usr/old").exists()
        assert (tmp_path / "pack/commit").read_text().strip()
        assert (tmp_path / "pack/usr/include/spdlog/spdlog.h").is_file()
        assert [each.name for each in tmp_path.iterdir()] == ["pack"]
        expect_libraries_in(tmp_path / "pack")
        (tmp_path / "pack/usr/old").touch()
