"""Tests that a user sees of a fault one line and exit code 2, before any encryption."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aero.checkpoint.checkpoints import find_checkpoint, load_weights
from aero.commands import private_inference_work
from aero.commands.private_inference import parse_arguments
from aero.core.errors import AeroError, UsageError
from aero.private.program import memory
from aero.private.program.plan import make_plan
from aero.private.program.settings import CLIENT, SERVER, Settings
from aero.private.report.aero_program import Prediction
from aero.private.run import requirements
from tiny_model import MODEL, tensors, write_checkpoint

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "private_inference.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def refused(message: str, *arguments: object) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "option", ["--prompt=a", "--tokens=1 2", "--max-tokens=3", "--other-tokenizer"]
)
def test_the_server_refuses_the_options_of_the_client(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [str(tmp_path), "--party", "1", "--peers", "a:1,b:2", option]
    monkeypatch.setattr("sys.argv", ["private_inference.py", *words])
    monkeypatch.setattr(private_inference_work, "keep_memory", lambda: None)
    name = option.partition("=")[0]
    with pytest.raises(AeroError, match=f"^{name} is the client's: leave it out with --party 1"):
        private_inference_work.work(parse_arguments())


@pytest.mark.parametrize(
    ("words", "asked"), [([], []), (["--cost", "X"], ["X"]), (["--aero", sys.executable], ["own"])]
)
def test_a_prediction_that_an_option_asks_for_is_made_before_the_run(
    words: list[str], asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[str] = []

    def predict(aero: Path, checkpoint: Path, length: int, model: str) -> Prediction:
        models.append(model)
        return Prediction({}, 0)

    def stop(*_: object, **__: object) -> None:
        raise UsageError("planned")

    run_folder = str(write_checkpoint(tmp_path / "run"))
    monkeypatch.setattr("sys.argv", ["private_inference.py", run_folder, "--tokens", "1 2", *words])
    monkeypatch.setattr(private_inference_work, "predict", predict)
    monkeypatch.setattr(private_inference_work, "make_plan", stop)
    with pytest.raises(AeroError, match="planned"):
        private_inference_work.work(parse_arguments())
    assert models == [Settings().cost_model if model == "own" else model for model in asked]


def test_the_error_for_a_python_without_a_wheel_names_the_one_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(requirements.importlib, "import_module", missing)
    monkeypatch.setattr(requirements.sys, "version_info", (3, 13, 1))
    with pytest.raises(AeroError, match=r"no SPU .* for Python .*for Python 3\.11; install"):
        requirements.check_spu()
    monkeypatch.setattr(requirements.sys, "version_info", (3, 11, 2))
    with pytest.raises(AeroError, match=r"run scripts/setup_private\.sh"):
        requirements.check_spu()


def test_a_model_with_parts_of_another_program_is_refused(tmp_path: Path) -> None:
    own = {"own_parts": "DytImpl: final_norm"}
    (tmp_path / "config.json").write_text(json.dumps({"model": MODEL | own}), encoding="utf-8")
    fault = r"config\.json: model\.own_parts: 'DytImpl.*; only that program runs the model$"
    with pytest.raises(AeroError, match=fault):
        find_checkpoint(tmp_path)


def test_the_error_for_missing_weights_says_who_needs_them(tmp_path: Path) -> None:
    checkpoint = find_checkpoint(write_checkpoint(tmp_path / "run"))
    (tmp_path / "run" / "weights.safetensors").unlink()
    with pytest.raises(UsageError, match=r"weights\.safetensors: no such file$"):
        load_weights(checkpoint)
    fault = r"weights\.safetensors: no such file; the server needs .* \(the client, --party 0, "
    for party in (None, SERVER):
        with pytest.raises(UsageError, match=fault):
            make_plan(checkpoint, Settings(), [[1, 2]], party)
    assert make_plan(checkpoint, Settings(), [[1, 2]], CLIENT).weights is None


def test_a_run_that_does_not_fit_into_memory_is_refused_before_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("jax")
    from aero.config.model import ModelConfig
    from aero.private.program.forward_pass import build_program
    from aero.private.program.settings import Settings

    monkeypatch.setattr(memory, "available", lambda: 4e9)
    config = ModelConfig.from_dict(MODEL | {"d_model": 768, "vocab_size": 50257})
    program = build_program(config, 16, Settings())
    with pytest.raises(AeroError, match=r"needs about \d+\.\d GB here .*4\.0 GB are free"):
        memory.check_memory(program, program.shapes(), Settings())


@pytest.fixture(scope="module")
def spu() -> SimpleNamespace:
    return pytest.importorskip("spu")


@pytest.mark.usefixtures("spu")
class TestTheScript:
    """Tests private_inference.py as a process."""

    def test_refuses_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        refused("no such folder", tmp_path / "none", "--tokens", "1")

    def test_refuses_a_folder_without_a_checkpoint(self, tmp_path: Path) -> None:
        refused("is not a checkpoint of `aero train`", tmp_path, "--tokens", "1")

    def test_refuses_weights_that_are_cut(self, tmp_path: Path) -> None:
        folder = write_checkpoint(tmp_path)
        file = folder / "weights.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        refused("weights.safetensors: damaged", folder, "--tokens", "1 2 3")

    def test_refuses_weights_of_another_shape(self, tmp_path: Path) -> None:
        weights = tensors() | {"blocks.0.ffn.w.weight": np.zeros((64, 32), dtype=np.float32)}
        folder = write_checkpoint(tmp_path, weights)
        refused("blocks.0.ffn.w.weight is [64, 32], not [64, 64]", folder, "--tokens", "1 2 3")

    def test_names_the_layer_that_overflows(self, tmp_path: Path) -> None:
        weights = tensors()
        weights["blocks.0.ffn.w.weight"] *= 1e8
        folder = write_checkpoint(tmp_path, weights)
        refused("w of layer 0 overflows the field", folder, "--tokens", "1 2 3")

    def test_names_scores_that_are_too_far_apart_for_a_coarse_exp(self, tmp_path: Path) -> None:
        weights = tensors()
        weights["blocks.0.attention.q.weight"] *= 200
        folder = write_checkpoint(tmp_path, weights)
        arguments = (folder, "--tokens", "1 2 3 4 5 6 7 8", "--precision", "fast")
        refused("softmax of layer 0: SPU's exp would meet", *arguments)

    def test_refuses_tokens_outside_the_vocabulary(self, tmp_path: Path) -> None:
        folder = write_checkpoint(tmp_path)
        refused("token 64 is outside the vocabulary of 64 words", folder, "--tokens", "1 64")

    def test_asks_for_a_tokenizer_where_text_needs_one(self, tmp_path: Path) -> None:
        refused("give --tokenizer FILE", write_checkpoint(tmp_path), "--prompt", "a")

    def test_refuses_a_prompt_that_is_not_text(self, tmp_path: Path) -> None:
        folder = write_checkpoint(tmp_path)
        refused("--prompt: not UTF-8 text (byte 4)", folder, "--prompt", "caf\udce9")

    def test_refuses_malformed_addresses(self, tmp_path: Path) -> None:
        folder = write_checkpoint(tmp_path)
        refused("--peers here: expected", folder, "--tokens", "1", "--party", 0, "--peers", "here")

    def test_says_that_the_other_party_did_not_answer(self, tmp_path: Path) -> None:
        from aero.private.run.spawn import free_addresses

        peers = ",".join(free_addresses())
        folder = write_checkpoint(tmp_path)
        arguments = (folder, "--tokens", "1", "--party", 0, "--peers", peers, "--patience", 3)
        refused("the other party did not answer at 127.0.0.1", *arguments)
