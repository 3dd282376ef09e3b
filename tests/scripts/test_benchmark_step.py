"""Tests benchmark_step.py at a tiny size, with a stand-in for AERO whose times are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aero.benchmark.measured import Measured, ratio
from aero.commands import benchmark_step
from aero.config.model import ModelConfig
from aero.reference.decoder import Decoder
from aero.reference.nanogpt import GPT

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmark_step.py"
STAND_IN = """#!{python}
import json, pathlib, sys
config = json.loads(pathlib.Path(sys.argv[2]).read_text())
assert sys.argv[1] == "train"
assert (pathlib.Path(config["data"]["path"]) / "manifest.json").is_file()
run = pathlib.Path(config["run"]["folder"])
run.mkdir(parents=True)
with (run / "metrics.jsonl").open("w") as metrics:
    for step in range(1, int(config["train"]["duration"]) + 1):
        seconds = 100.0 if step <= 2 else 0.5
        metrics.write(json.dumps({{"step": step, "loss": 1.0, "seconds": seconds}}) + "\\n")
    metrics.write(json.dumps({{"event": "evaluation", "step": step, "loss": 1.0}}) + "\\n")
"""
TINY = "--layers 1 --heads 2 --width 16 --vocab 50 --context 8 --batch 4 --threads 1"
TINY += " --rounds 2 --steps 4 --dtype float32"


def test_tokens_per_second_leave_the_warm_up_out(tmp_path: Path) -> None:
    binary = tmp_path / "aero"
    binary.write_text(STAND_IN.format(python=sys.executable))
    binary.chmod(0o755)
    out = tmp_path / "out.json"
    options = [*TINY.split(), "--aero", str(binary), "--json", str(out)]
    command = [sys.executable, SCRIPT, *options]
    command += ["--sides", "aero", "pytorch fused"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    sides = json.loads(out.read_text())["sides"]
    assert sides["aero"]["tokens_per_second"] == pytest.approx(4 * 8 / 0.5)
    assert sides["aero"]["rounds"] == [[0.5, 0.5], [0.5, 0.5]]
    assert [len(turn) for turn in sides["pytorch fused"]["rounds"]] == [2, 2]
    # A PyTorch process takes some hundred MB, the stand-in's bare Python some ten.
    assert sides["pytorch fused"]["peak_bytes"] > 3 * sides["aero"]["peak_bytes"]
    assert "| aero | 64 | 0.500 |" in result.stdout


def test_architectures_are_measured_against_the_first(tmp_path: Path) -> None:
    # The stand-in takes a second more a step where entropy is regularised.
    stand_in = STAND_IN.replace(
        "else 0.5", 'else 0.5 + config["model"]["architecture"].count("EReg")'
    )
    binary = tmp_path / "aero"
    binary.write_text(stand_in.format(python=sys.executable))
    binary.chmod(0o755)
    out = tmp_path / "out.json"
    names = ["SM(t)+ScFuFFN_i6", "EReg(SM(t)+ScFuFFN_i6)"]
    options = [*TINY.split(), "--aero", str(binary), "--json", str(out), "--architectures", *names]
    assert benchmark_step.main(options) == 0
    report = json.loads(out.read_text())
    assert report["reference"] == names[0]
    assert report["sides"][names[1]]["reference_over_this"] == pytest.approx(3.0)
    assert "reference_over_this" not in report["sides"][names[0]]


def test_ratios_are_taken_within_a_round() -> None:
    measured = {
        "aero": Measured([[1.0], [10.0], [2.0]]),
        "pytorch": Measured([[2.0], [30.0], [8.0]]),
    }
    assert ratio(measured, "pytorch") == 3.0


def test_a_missing_binary_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmark_step.main(["--aero", "/nowhere/aero"])
    assert "/nowhere/aero" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "010x"], "'010x' is not a whole number from 1 to 1000"),
        (["--batch", "-1"], "'-1' is not a whole number"),
        (["--width", "10", "--heads", "3"], "--width 10 is not a multiple of --heads 3"),
        (["--batch", "60000", "--accumulation", "60000"], "tokens, which are made before"),
        (["--aero", "/dev/null"], "no such file"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmark_step.main(options)
    assert message in capsys.readouterr().err


def test_a_turn_that_fails_is_reported_without_the_trace_of_its_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "aero"
    trace = "Traceback (most recent call last):\\n  File x\\nValueError: no room"
    binary.write_text(f"#!/bin/sh\nprintf '{trace}\\n'; exit 3\n")
    binary.chmod(0o755)
    out = tmp_path / "out.json"
    options = [*TINY.split(), "--aero", str(binary), "--sides", "aero", "--json", str(out)]
    assert benchmark_step.main(options) == 1
    assert capsys.readouterr().err == "error: a turn failed (3):\nValueError: no room\n"
    assert not out.exists()
    assert benchmark_step.main([*options[:-1], str(tmp_path)]) == 2


def test_the_measured_gpt_is_the_reference_decoder() -> None:
    torch.manual_seed(0)
    gpt = GPT(layers=2, heads=2, width=16, context=8, vocab_size=31).double()
    config = ModelConfig(n_layer=2, n_head=2, d_model=16, context=8, vocab_size=31)
    weights = {
        "tokens.weight": gpt.wte.weight,
        "positions.weight": gpt.wpe.weight,
        "final_norm.weight": gpt.ln_f.weight,
        "final_norm.bias": gpt.ln_f.bias,
    }
    for layer, block in enumerate(gpt.blocks):
        pairs = {"norm1": block.ln_1, "norm2": block.ln_2, "attention.o": block.attn.c_proj}
        pairs |= {"ffn.w_in": block.c_fc, "ffn.w_out": block.c_proj}
        for kind in ("weight", "bias"):
            for name, module in pairs.items():
                weights[f"blocks.{layer}.{name}.{kind}"] = getattr(module, kind)
            for part, tensor in zip("qkv", getattr(block.attn.c_attn, kind).chunk(3), strict=True):
                weights[f"blocks.{layer}.attention.{part}.{kind}"] = tensor
    decoder = Decoder(config).double()
    decoder.load_state_dict(weights)
    tokens = torch.randint(31, (3, 8))
    torch.testing.assert_close(gpt(tokens), decoder(tokens), rtol=1e-12, atol=1e-14)
