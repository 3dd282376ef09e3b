"""Tests that files beside a checkpoint are found, however the checkpoint is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from program import call, make_config
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEXT = ["once upon a time there was a model that ran under encryption"] * 4


def byte_level_tokenizer(path: Path, has_all_bytes: bool = False) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = [chr(c) for c in range(97, 123)]
    if has_all_bytes:
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + 34, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.save(str(path))


def unigram_tokenizer(path: Path) -> None:
    """Writes a tokenizer of a kind that AERO does not read."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=["<unk>"], unk_token="<unk>")
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.save(str(path))


@pytest.fixture(scope="module")
def trained(aero: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paths")
    config = make_config(folder / "run.json", corpus, folder / "run")
    assert call(aero, "train", config, "-q").returncode == 0
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """Copies the run for one test, with a tokenizer in its folder."""
    shutil.copytree(trained, tmp_path / "a" / "run")
    byte_level_tokenizer(tmp_path / "a" / "run" / "tokenizer.json")
    return tmp_path / "a" / "run"


def generate(aero: str, cwd: Path, name: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [aero, "generate", str(name), "--prompt", "once", "--max-tokens", "4"],
        capture_output=True, text=True, cwd=cwd, check=False,
    )  # fmt: skip


NAMES: list[Callable[[Path], tuple[Path, str | Path]]] = [
    lambda run: (run.parent, "run"),
    lambda run: (run.parent, "run/"),
    lambda run: (run, "."),
    lambda run: (run, run),
    lambda run: (run, "checkpoints"),
    lambda run: (run, "./checkpoints/."),
    lambda run: (run / "checkpoints", "."),
    lambda run: (run / "checkpoints", "best"),
    lambda run: (run / "checkpoints", "step-00000060"),
    lambda run: (run / "checkpoints/step-00000060", "."),
    lambda run: (run / "checkpoints/step-00000060", "./"),
    lambda run: (run / "checkpoints/step-00000060", "../step-00000060/."),
    lambda run: (run / "checkpoints/step-00000060", ".."),
    lambda run: (run, "checkpoints/step-00000060/."),
    lambda run: (run, "checkpoints/step-00000060//"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_runs_tokenizer_is_found_however_its_checkpoint_is_named(
    aero: str, run: Path, name: Callable[[Path], tuple[Path, str | Path]]
) -> None:
    result = generate(aero, *name(run))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("once")


@pytest.mark.parametrize("target", ["", "checkpoints", "checkpoints/step-00000060"])
def test_a_link_stands_for_its_target(aero: str, run: Path, tmp_path: Path, target: str) -> None:
    link = tmp_path / "elsewhere" / "deep" / "link"
    link.parent.mkdir(parents=True)
    link.symlink_to(run / target)
    for name in (link, f"{link}/.", f"{link}/"):
        result = generate(aero, tmp_path, name)
        assert result.returncode == 0 and result.stdout.startswith("once"), result.stderr
    assert generate(aero, link, ".").returncode == 0


def test_checkpoints_on_another_disk_belong_to_their_run(
    aero: str, run: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    shutil.move(run / "checkpoints", tmp_path / "disk/big")
    (run / "checkpoints").symlink_to(tmp_path / "disk/big")
    for name in ("run", "run/checkpoints/step-00000060"):
        assert generate(aero, run.parent, name).returncode == 0


def test_a_tokenizer_two_folders_up_is_not_used(aero: str, run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "b" / "c" / "model"
    shutil.copytree(run / "checkpoints/step-00000060", alone)
    for place in (tmp_path / "b", tmp_path / "b/c", tmp_path):
        byte_level_tokenizer(place / "tokenizer.json")
    # The same holds for a folder that happens to have the name of a run's folder.
    named = tmp_path / "b" / "checkpoints" / "model"
    shutil.copytree(alone, named)
    for cwd, name in ((tmp_path, alone), (alone, "."), (tmp_path, f"{alone}/."), (tmp_path, named)):
        result = generate(aero, cwd, name)
        assert result.returncode == 2 and "no tokenizer.json" in result.stderr
    out = tmp_path / "small"
    assert call(aero, "transform", alone, "--out", out, "--prune-ffn", "1").returncode == 0
    assert not (out / "tokenizer.json").exists()
    assert call(aero, "transform", f"{run}/checkpoints/step-00000060/.", "--out", tmp_path / "o",
                "--prune-ffn", "1").returncode == 0  # fmt: skip
    assert (tmp_path / "o/tokenizer.json").exists()


def test_a_run_can_be_called_checkpoints(aero: str, run: Path) -> None:
    run.rename(run.parent / "checkpoints")
    assert generate(aero, run.parent, "checkpoints").returncode == 0


def test_eval_needs_no_tokenizer(aero: str, run: Path, tmp_path: Path) -> None:
    lossy = call(aero, "eval", run, "--json")
    assert "its vocabulary has no token for the byte 0, which texts lose" in lossy.stderr
    assert json.loads(lossy.stdout)["characters"] is None
    byte_level_tokenizer(run / "tokenizer.json", has_all_bytes=True)
    whole = json.loads(call(aero, "eval", run, "--json").stdout)
    assert whole["characters"] > 0
    unigram_tokenizer(run / "tokenizer.json")
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    for content in ((run / "tokenizer.json").read_text(), damaged.read_text()):
        (run / "tokenizer.json").write_text(content)
        result = call(aero, "eval", run, "--json")
        assert result.returncode == 0, result.stderr
        printed = json.loads(result.stdout)
        assert printed["loss"] == whole["loss"] and printed["loss_per_character"] is None
        assert "the loss per character is left out: " in result.stderr
        assert "tokenizer.json" in result.stderr
        text = call(aero, "eval", run)
        assert text.returncode == 0 and "per character" not in text.stdout
    # A loss whose tokenizer the user names is not left out.
    result = call(aero, "eval", run, "--tokenizer", damaged)
    assert result.returncode == 1 and "damaged.json" in result.stderr


def test_generate_from_ids_needs_no_tokenizer(aero: str, run: Path) -> None:
    unigram_tokenizer(run / "tokenizer.json")
    result = call(aero, "generate", run, "--ids", "1,2", "--max-tokens", "5")
    assert result.returncode == 0 and len(result.stdout.split()) == 5
    assert "token ids are printed" in result.stderr
    assert call(aero, "generate", run, "--prompt", "x").returncode == 1


def test_files_that_a_command_does_not_need_may_be_missing(aero: str, run: Path) -> None:
    for step in (run / "checkpoints").glob("step-*"):
        (step / "optimizer.safetensors").unlink()
        (step / "state.json").unlink()
    for command in (["eval"], ["inspect"], ["report"], ["generate", "--ids", "1"]):
        result = call(aero, command[0], run, *command[1:])
        assert result.returncode == 0, result.stderr
    for step in (run / "checkpoints").glob("step-*"):
        (step / "weights.safetensors").unlink()
    result = call(aero, "eval", run)
    assert result.returncode == 1 and "optimizer" not in result.stderr
    assert "weights.safetensors" in result.stderr
    assert call(aero, "report", run).returncode == 0  # a config suffices
    result = call(aero, "eval", run / "checkpoints/step-00000060")
    assert "it lacks weights.safetensors\n" in result.stderr
