"""Tests that a prompt and held-out text must have the tokenizer of the model."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from aero.checkpoint.checkpoints import find_checkpoint
from aero.checkpoint.tokenizer_identity import tokenizer_of_model
from test_prompt import PADDING, write_tokenizer
from tiny_model import MODEL, tensors, write_checkpoint

pytest.importorskip("spu")

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "private_inference.py"
WORDS = 259  # of write_tokenizer()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def start(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_run_state_or_the_kept_file_identifies_the_tokenizer(tmp_path: Path) -> None:
    step = write_checkpoint(tmp_path / "run" / "checkpoints" / "step-00000001")
    checkpoint = find_checkpoint(tmp_path / "run")
    assert tokenizer_of_model(checkpoint).sha256 == ""
    kept = tmp_path / "run" / "tokenizer.model"
    kept.write_bytes(b"pieces")
    assert tokenizer_of_model(checkpoint).sha256 == digest(kept)
    (step / "state.json").write_text(json.dumps({"tokenizer_sha256": "ab" * 32}))
    assert tokenizer_of_model(checkpoint).sha256 == "ab" * 32


@pytest.mark.parametrize("known_by", ["state.json", "tokenizer.json"])
def test_another_tokenizer_is_refused_before_anything_runs(known_by: str, tmp_path: Path) -> None:
    """There are no weights, so nothing can run."""
    run = write_checkpoint(tmp_path / "run", model=MODEL | {"vocab_size": WORDS})
    (run / "weights.safetensors").unlink()
    own = write_tokenizer(run / "tokenizer.json")
    other = write_tokenizer(tmp_path / "other.json", padding=PADDING)
    ours, theirs = digest(own), digest(other)
    if known_by == "state.json":
        (run / "state.json").write_text(json.dumps({"tokenizer_sha256": ours}))
        own.unlink()
    prompt = ("--prompt", "ab")
    done = start(run, *prompt, "--tokenizer", other)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: the model {run} (tokenizer {ours[:12]}) and the tokenizer {other} (tokenizer "
        f"{theirs[:12]}) have different tokenizers"
    )
    assert "--other-tokenizer" in done.stderr and done.stderr.count("\n") == 1
    allowed = start(run, *prompt, "--tokenizer", other, "--other-tokenizer")
    assert "weights.safetensors: no such file" in allowed.stderr


@pytest.mark.slow
def test_a_program_that_fails_afterwards_does_not_lose_the_result(tmp_path: Path) -> None:
    run, out = write_checkpoint(tmp_path / "run", tensors()), tmp_path / "out.json"
    aero = tmp_path / "aero"
    costs = json.dumps({"pi": [{"operations": [], "rounds": None, "compute_s": None}]})
    aero.write_text(
        f"#!/bin/sh\n[ $1 = report ] && echo '{costs}' && exit\n"
        'echo "error: no $1 today" >&2\nexit 1\n'
    )
    aero.chmod(0o755)
    options = ["--weights", "colocated", "--max-tokens", "1", "--aero", aero, "--json", out]
    done = start(run, "--tokens", "1 2", *options)
    assert done.returncode == 0, done.stderr
    assert "aero inspect --logits failed: error: no inspect today" in done.stdout
    assert "aero generate failed: error: no generate today" in done.stdout
    result = json.loads(out.read_text())
    assert len(result["generated"]) == 1 and result["bytes"] > 0
    assert "against_folded" in result and "generated_aero" not in result
