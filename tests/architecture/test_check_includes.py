"""Tests the checker of includes on small trees of files."""

from __future__ import annotations

from pathlib import Path

from check_includes import find_faults, parse_floor_plan

PLAN = parse_floor_plan(["core:", "config:core", "ops:core", "model:config,ops", "cli:model"])


def tree(root: Path, files: dict[str, str]) -> Path:
    (root / "include" / "aero").mkdir(parents=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_every_lower_room_can_be_reached() -> None:
    assert PLAN["model"] == {"model", "config", "ops", "core"}
    assert PLAN["ops"] == {"ops", "core"}


def test_downward_includes_pass(tmp_path: Path) -> None:
    files = {
        "include/aero/model/a.h": '#include "aero/core/error.h"\n#include <vector>\n',
        "src/model/a.cpp": '#include "aero/model/a.h"\n#include <nlohmann/json.hpp>\n',
        "src/core/log.cpp": "#include <spdlog/spdlog.h>\n",
        "src/cli/main.cpp": '#include "cli/commands.h"\n',
    }
    assert find_faults(tree(tmp_path, files), PLAN) == []


def test_an_upward_include_is_found(tmp_path: Path) -> None:
    (fault,) = find_faults(
        tree(tmp_path, {"src/config/x.cpp": '#include "aero/model/a.h"\n'}), PLAN
    )
    assert "src/config/x.cpp" in fault
    assert "does not stand on 'model'" in fault


def test_a_sideways_include_is_found(tmp_path: Path) -> None:
    (fault,) = find_faults(
        tree(tmp_path, {"include/aero/ops/x.h": "#  include <aero/config/a.h>\n"}), PLAN
    )
    assert "'ops' does not stand on 'config'" in fault


def test_a_private_header_of_the_program_is_not_for_rooms(tmp_path: Path) -> None:
    (fault,) = find_faults(tree(tmp_path, {"src/model/x.cpp": '#include "cli/commands.h"\n'}), PLAN)
    assert "'model' does not stand on 'cli'" in fault


def test_the_header_of_everything_is_for_users_alone(tmp_path: Path) -> None:
    (fault,) = find_faults(tree(tmp_path, {"src/model/x.cpp": '#include "aero/aero.h"\n'}), PLAN)
    assert "aero/aero.h" in fault


def test_spdlog_outside_the_log_is_found(tmp_path: Path) -> None:
    (fault,) = find_faults(
        tree(tmp_path, {"src/core/files.cpp": "#include <spdlog/spdlog.h>\n"}), PLAN
    )
    assert "stays in src/core/log.cpp" in fault


def test_nlohmann_in_a_public_header_is_found(tmp_path: Path) -> None:
    files = {"include/aero/config/x.h": "#include <nlohmann/json_fwd.hpp>\n"}
    (fault,) = find_faults(tree(tmp_path, files), PLAN)
    assert "include/aero/config/x.h" in fault
    assert "stays in src/" in fault


def test_a_folder_that_is_not_a_room_is_found(tmp_path: Path) -> None:
    (fault,) = find_faults(tree(tmp_path, {"include/aero/misc/x.h": ""}), PLAN)
    assert "include/aero/misc is not a room" in fault


def test_files_in_a_circle_are_found(tmp_path: Path) -> None:
    files = {
        "include/aero/core/a.h": '#include "aero/core/b.h"\n',
        "src/core/b.cpp": '#include "c.h"\n',
        "src/core/c.h": '#include "aero/core/a.h"\n',
    }
    (fault,) = find_faults(tree(tmp_path, files), PLAN)
    assert fault == "room 'core': files in a circle: a -> b -> c -> a"


def test_a_file_includes_its_own_header_and_those_of_other_libraries(tmp_path: Path) -> None:
    files = {
        "include/aero/core/a.h": "#include <b.h>\n",
        "src/core/a.cpp": '#include "aero/core/a.h"\n',
        "src/core/c.cpp": '#include "aero/core/a.h"\n#include <torch/c.h>\n',
    }
    assert find_faults(tree(tmp_path, files), PLAN) == []
