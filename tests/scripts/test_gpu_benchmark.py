"""Tests scripts/gpu/benchmark.py on the CPU at a tiny size."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from aero.benchmark import processes, pytorch_work, step_turns
from aero.benchmark.budget import Budget
from aero.benchmark.gpu_scenes import dry_catalogue, full_catalogue
from aero.benchmark.processes import OutOfTime, ProcessFailed, run_process
from aero.benchmark.pytorch_side import PyTorchTurn
from aero.benchmark.pytorch_task import PyTorchTask
from aero.benchmark.pytorch_work import gemm_rate, work
from aero.benchmark.step_report import Results
from aero.benchmark.step_turns import Turns
from aero.benchmark.store import Store
from aero.commands.gpu import benchmark
from gpu_programs import calls, real_aero, stand_in

Run = Callable[..., int]


def taken_here(task: PyTorchTask, folder: Path, limit: float) -> PyTorchTurn:
    """Takes a PyTorch turn in this process, which has already loaded PyTorch."""
    assert limit > 0 and folder.is_dir()
    found = work(task)
    return PyTorchTurn(found["seconds"], 1, found["gemm_flops_per_second"])


def of_known_times(task: PyTorchTask, folder: Path, limit: float) -> PyTorchTurn:
    """Fakes steps of 1 s, 0.75 s compiled, 1.5 s the authors' way, and products at 8 GFLOP/s."""
    seconds = 1.5 if task.authors else 0.75 if task.backend else 1.0
    return PyTorchTurn([50.0] + [seconds] * (task.setting.steps - 1), 7, 8e9)


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    return stand_in(tmp_path)


@pytest.fixture
def run(binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(step_turns, "pytorch_turn", of_known_times)

    def with_options(*options: str) -> int:
        common = ["--out", str(tmp_path / "out"), "--device", "cpu", "--tiny"]
        return benchmark.main(["--aero", str(binary), *common, *options])

    return with_options


def results(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "out" / "benchmark.json").read_text())


def test_goals_follow_from_the_times_after_warm_up(run: Run, tmp_path: Path) -> None:
    assert run() == 0
    found = results(tmp_path)
    assert found["machine"]["libtorch"] == "9.8.7"
    assert found["summary"]["gemm_flops_per_second"] == 8e9
    # 1 GFLOP in 0.5 s of 8 GFLOP/s; 0.75 / 0.5; 0.6 / 0.5; 1.5 / 0.6; T = 32 takes twice as long.
    assert [goal["measured"] for goal in found["summary"]["goals"]] == pytest.approx(
        [0.25, 1.5, 1.2, 2.5, 2.0, 2.0, None]
    )
    reached = [goal["reached"] for goal in found["summary"]["goals"]]
    assert reached == [False, True, False, True, False, False, None]
    rows = {(row["scene"], row["side"]): row for row in found["summary"]["rows"]}
    assert rows["gpt2", "AERO"]["tokens_per_second"] == pytest.approx(4 * 16 / 0.5)
    assert rows["gpt2", "PyTorch"]["over_reference"] == pytest.approx(2.0)
    assert rows["gpt2", "PyTorch"]["share_of_gemm"] == pytest.approx(1 / 8)
    assert rows["ereg", "PyTorch, the authors' way"]["share_of_gemm"] == pytest.approx(1 / 6)
    assert found["measurements"]["gpt2/AERO/1"]["seconds"] == [0.5] * 3
    table = (tmp_path / "out" / "benchmark.md").read_text()
    assert "| GPT-2: share of the measured GEMM rate | at least 0.4 | 0.250 | no |" in table


def test_a_later_call_measures_what_is_missing(run: Run, binary: Path, tmp_path: Path) -> None:
    assert run("--seconds", "1") == 0
    found = results(tmp_path)
    assert found["measurements"] == {} and len(found["left_out"]) == 9
    assert all(goal["reached"] is None for goal in found["summary"]["goals"])
    assert "Left out because time ran out: gpt2/AERO/1, " in (
        (tmp_path / "out" / "benchmark.md").read_text()
    )
    assert run() == 0
    assert len(calls(binary)) == 6 and results(tmp_path)["left_out"] == []
    assert run() == 0
    assert len(calls(binary)) == 6


def test_only_the_scenes_that_are_asked_for_are_measured(
    run: Run, binary: Path, tmp_path: Path
) -> None:
    assert tuple(scene.name for scene in full_catalogue("cuda").scenes) == benchmark.SCENES
    assert run("--scenes", "long", "tiny") == 0
    measured = {name.partition("/")[0] for name in results(tmp_path)["measurements"]}
    assert measured == {"long", "tiny"}
    assert run() == 0
    assert len(calls(binary)) == 6


def test_every_scene_has_a_round_before_another_has_two() -> None:
    names = [
        (scene.name, number) for scene, _, number in step_turns.turns(full_catalogue("cuda").scenes)
    ]
    order = list(dict.fromkeys(names))
    first = [("gpt2", 1), ("ereg", 1), ("long", 1), ("tiny", 1)]
    second = [("gpt2", 2), ("ereg", 2), ("long", 2), ("tiny", 2), ("vocabulary", 1)]
    assert order == [*first, *second, ("gpt2", 3), ("ereg", 3)]


def test_on_a_gpu_the_smallest_model_is_measured_with_graphs_too(
    binary: Path, tmp_path: Path
) -> None:
    catalogue = dry_catalogue("cuda")
    scenes = catalogue.scenes
    small = replace(scenes[-1], setting=replace(scenes[-1].setting, device="cpu"))
    store = Store(tmp_path / "benchmark.json", {}, {})
    Turns(binary, 1, Budget(60), store).take([small])
    goal = catalogue.goals(Results(scenes, store.measured()))[-1]
    assert goal.measured == pytest.approx(4.0) and goal.reached


def test_a_turn_that_fails_is_reported_and_tried_again(
    run: Run, binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AERO_FAILS", "SM(t)+ScFuFFN_i1")
    assert run() == 1
    found = results(tmp_path)
    assert found["failed"] == ["ereg/AERO, SM(t)/1"]
    assert found["measurements"]["ereg/AERO, SM(t)/1"]["failed"].endswith("no room")
    goals = [goal["measured"] for goal in found["summary"]["goals"]]
    assert goals[2] is None and goals[3] == pytest.approx(2.5)
    monkeypatch.delenv("AERO_FAILS")
    assert run() == 0
    assert len(calls(binary)) == 7
    assert results(tmp_path)["summary"]["goals"][2]["measured"] == pytest.approx(1.2)


def test_another_program_is_measured_again(
    run: Run, binary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    binary.write_text(binary.read_text() + "# another\n")
    assert run() == 0
    assert len(calls(binary)) == 12
    assert "it was moved to benchmark.before.json" in capsys.readouterr().err
    before = (tmp_path / "out" / "benchmark.before.json").read_text()
    binary.write_text(binary.read_text() + "# a third\n")
    assert run("--scenes", "tiny") == 0
    assert "it was moved to benchmark.before2.json" in capsys.readouterr().err
    assert (tmp_path / "out" / "benchmark.before.json").read_text() == before
    assert (tmp_path / "out" / "benchmark.before2.json").is_file()


def test_every_side_takes_its_turn_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_turns, "pytorch_turn", taken_here)
    options = ["--aero", str(real_aero()), "--out", str(tmp_path / "out")]
    assert benchmark.main([*options, "--device", "cpu", "--tiny"]) == 0
    for row in results(tmp_path)["summary"]["rows"]:
        assert row["rounds"] == 1 and row["seconds_per_step"] > 0, row
        assert math.isfinite(row["share_of_gemm"]), row


def test_the_rate_of_products_counts_their_operations() -> None:
    size = 512
    a = torch.randn(size, size)
    a @ a
    rate = gemm_rate(size, "cpu", torch.float32)
    # No processor does fewer than 10^8 or more than 10^14 operations a second.
    assert 1e8 < rate < 1e14


def from_when_it_is_ready(log: Path) -> Callable[[], float]:
    """Fakes a clock that stops until a process has written to its log."""
    ready: list[float] = []

    def seconds() -> float:
        if not ready and log.exists() and log.read_text():
            ready.append(time.monotonic())
        return time.monotonic() - ready[0] if ready else 0.0

    return seconds


@pytest.mark.parametrize("on_sigterm", ["signal.SIG_IGN", "lambda *_: sys.exit(143)"])
def test_a_process_beyond_its_limit_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_sigterm: str
) -> None:
    log = tmp_path / "log"
    clock = SimpleNamespace(monotonic=from_when_it_is_ready(log), sleep=time.sleep)
    monkeypatch.setattr(processes, "time", clock)
    code = f"import signal, sys, time; signal.signal(signal.SIGTERM, {on_sigterm})\n"
    code += "print('ready', flush=True); time.sleep(60)"
    with pytest.raises(OutOfTime, match="stopped after 1 s"):
        run_process([sys.executable, "-c", code], log, limit=1, grace=1)
    assert log.read_text() == "ready\n"


def test_the_card_that_is_named_is_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch, "set_float32_matmul_precision", lambda _: None)
    monkeypatch.setattr(pytorch_work, "_train", lambda _: [float(len(chosen))])
    scene = full_catalogue("cuda:1").scenes[0]
    assert work(PyTorchTask(scene.setting, "corpus", fused=True))["seconds"] == [1.0]
    assert chosen == ["cuda:1"]
    scene = full_catalogue("cuda").scenes[0]
    work(PyTorchTask(scene.setting, "corpus", fused=True))
    assert chosen == ["cuda:1"]


def test_a_process_that_ends_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ProcessFailed, match="a turn failed \\(3\\)") as failure:
        run_process([sys.executable, "-c", "raise SystemExit(3)"], log, limit=30)
    assert failure.value.code == 3
    assert run_process([sys.executable, "-c", "pass"], log, limit=30) > 1 << 20


def test_a_wrong_command_line_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    main = benchmark.main
    for options, message in (
        (["--aero", "/nowhere/aero", "--out", "x"], "no such program"),
        (["--aero", sys.executable, "--out", "x", "--device", "gpu"], "is not cpu, cuda or cuda:N"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(options)
        assert message in capsys.readouterr().err
    assert main(["--aero", "/bin/false", "--out", str(tmp_path)]) == 2
    assert "/bin/false doctor` fails" in capsys.readouterr().err
