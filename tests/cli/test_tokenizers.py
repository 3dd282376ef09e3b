"""Tests that data and models must share one tokenizer, and how characters are counted."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from program import CONTEXT, call, make_config, make_corpus, read_metrics

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "prepare_corpus.py"
VOCABULARY = 320


def prepare(source: Path, out: Path, *options: str) -> Path:
    command = [sys.executable, str(SCRIPT), str(source), "--out", str(out), *options]
    done = subprocess.run(
        [*command, "--vocab-size", str(VOCABULARY), "--val-fraction", "0.3", "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def make_run(aero: str, corpus: Path, folder: Path) -> Path:
    config = make_config(
        folder.with_suffix(".json"),
        corpus,
        folder,
        model={"vocab_size": VOCABULARY},
        train={"duration": "4", "accumulation": 1},
        eval={"every": "0"},
        checkpoint={"every": "2"},
    )
    result = call(aero, "train", config)
    assert result.returncode == 0, result.stderr
    return folder


class World:
    """Holds a run on one corpus, and its text encoded by a tokenizer with reversed ids."""

    def __init__(self, aero: str, folder: Path) -> None:
        source = folder / "documents.jsonl"
        texts = [f"short naïve text {i}, " + "and so on " * (i % 4) for i in range(400)]
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        self.folder = folder
        self.source = source
        self.corpus = prepare(source, folder / "corpus")
        content = json.loads((self.corpus / "tokenizer.json").read_text())
        vocabulary = content["model"]["vocab"]
        last = len(vocabulary) - 1
        content["model"]["vocab"] = {
            token: 0 if token_id == 0 else 1 + (token_id + 100) % last
            for token, token_id in vocabulary.items()
        }
        self.other_tokenizer = folder / "other.json"
        self.other_tokenizer.write_text(json.dumps(content))
        tokenizer_option = ("--tokenizer", str(self.other_tokenizer))
        self.other_corpus = prepare(source, folder / "other", *tokenizer_option)
        self.run = make_run(aero, self.corpus, folder / "run")
        self.aero = aero

    def refuses(self, *arguments: str | Path) -> str:
        """Expects exit code 2, one line that names two hashes, and no standard output."""
        result = call(self.aero, *arguments)
        assert (result.returncode, result.stdout) == (2, ""), result.stderr
        assert result.stderr.count("\n") == 1
        return result.stderr

    def takes(self, *arguments: str | Path) -> str:
        result = call(self.aero, *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def world(aero: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(aero, tmp_path_factory.mktemp("tokenizers"))


def test_a_corpus_of_another_tokenizer_is_refused_unless_it_is_allowed(world: World) -> None:
    for command in (["eval", world.run], ["inspect", world.run, "--entropy"]):
        world.takes(*command)
        world.takes(*command, "--data", world.corpus)
        said = world.refuses(*command, "--data", world.other_corpus)
        assert str(world.other_corpus) in said
        assert str(world.run) in said
        assert "--other-tokenizer" in said
        world.takes(*command, "--data", world.other_corpus, "--other-tokenizer")


def test_a_tokenizer_that_is_not_the_models_is_refused_unless_it_is_allowed(world: World) -> None:
    other = ("--tokenizer", world.other_tokenizer)
    for command in (["eval", world.run], ["generate", world.run, "--prompt", "short"]):
        world.takes(*command, "--tokenizer", world.corpus / "tokenizer.json")
        said = world.refuses(*command, *other)
        assert str(world.other_tokenizer) in said
        assert "--other-tokenizer" in said
        world.takes(*command, *other, "--other-tokenizer")


def test_a_warm_start_of_another_tokenizer_is_refused_before_anything_is_written(
    world: World, tmp_path: Path
) -> None:
    config = make_config(
        tmp_path / "warm.json",
        world.other_corpus,
        tmp_path / "warm",
        model={"vocab_size": VOCABULARY},
        train={"duration": "2", "warm_start": str(world.run)},
    )
    said = world.refuses("train", config)
    assert str(world.run) in said
    assert str(world.other_corpus) in said
    assert "train.other_tokenizer=true" in said
    assert not (tmp_path / "warm").exists()
    world.takes("train", config, "--set", "train.other_tokenizer=true")


def test_a_corpus_with_the_file_of_another_tokenizer_is_refused_before_anything_is_written(
    world: World, tmp_path: Path
) -> None:
    corpus = shutil.copytree(world.corpus, tmp_path / "corpus")
    shutil.copy(world.other_tokenizer, corpus / "tokenizer.json")
    run = tmp_path / "run"
    config = make_config(
        tmp_path / "run.json",
        corpus,
        run,
        model={"vocab_size": VOCABULARY},
        train={"duration": "2"},
        eval={"every": "0"},
    )
    sweep = tmp_path / "sweep.json"
    sweep.write_text(json.dumps({"base": config.name, "folder": str(tmp_path / "sweep")}))
    warm = ("--set", f"train.warm_start={world.run}")
    for command in (["train", config], ["train", config, *warm], ["ablate", sweep]):
        said = world.refuses(*command)
        assert str(corpus / "tokenizer.json") in said
        assert said.count("(tokenizer ") == 2
        assert "train.other_tokenizer=true" in said
    assert not run.exists()
    assert not (tmp_path / "sweep").exists()
    world.takes("train", config, "--set", "train.other_tokenizer=true")


def test_a_resume_on_another_corpus_is_refused(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(world.run, copy)
    said = world.refuses(
        "train", copy / "config.json", "--resume", "--set", f"run.folder={copy}",
        "--set", f"data.path={world.other_corpus}", "--set", "train.duration=6",
    )  # fmt: skip
    assert str(world.other_corpus) in said
    assert "by another tokenizer" in said


def test_a_checkpoint_knows_its_tokenizer_wherever_it_lies(world: World, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(world.run / "checkpoints" / "step-00000004", moved)
    world.takes("eval", moved)
    assert "moved" in world.refuses("eval", moved, "--data", world.other_corpus)
    model = tmp_path / "model"
    model.mkdir()
    for name in ("weights.safetensors", "config.json"):
        shutil.copy(moved / name, model)
    world.takes("eval", model, "--data", world.other_corpus)  # does not name its tokenizer
    shutil.copy(world.run / "tokenizer.json", model)
    world.refuses("eval", model, "--data", world.other_corpus)


def test_an_exchanged_tokenizer_of_a_run_is_reported(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(world.run, copy)
    shutil.copy(world.other_tokenizer, copy / "tokenizer.json")
    assert str(copy) in world.refuses("generate", copy, "--prompt", "short")
    fold = ("transform", copy, "--out", tmp_path / "folded", "--fold-scales")
    said = world.refuses(*fold)
    assert str(copy / "tokenizer.json") in said
    assert "--other-tokenizer" in said
    assert not (tmp_path / "folded").exists()
    world.takes(*fold, "--other-tokenizer")
    world.refuses("generate", tmp_path / "folded", "--prompt", "short")


def test_a_transformed_model_knows_its_tokenizer(world: World, tmp_path: Path) -> None:
    """This includes a model of a lone checkpoint, without the tokenizer's file."""
    alone = shutil.copytree(world.run / "checkpoints" / "step-00000004", tmp_path / "alone")
    config = make_config(
        tmp_path / "warm.json",
        world.other_corpus,
        tmp_path / "warm",
        model={"vocab_size": VOCABULARY},
        train={"duration": "2", "warm_start": str(tmp_path / "alone-folded")},
    )
    for source in (alone, world.run):
        folded = tmp_path / f"{source.name}-folded"
        world.takes("transform", source, "--out", folded, "--fold-scales")
        world.takes("eval", folded, "--data", world.corpus)
        said = world.refuses("eval", folded, "--data", world.other_corpus)
        assert str(folded) in said
        shown = json.loads(world.takes("inspect", folded, "--json"))
        assert shown["step"] == 4
        assert shown["eval_loss"] is None
    assert "alone-folded" in world.refuses("train", config)


def test_data_and_models_that_name_no_tokenizer_are_accepted(
    world: World, aero: str, tmp_path: Path
) -> None:
    nano = tmp_path / "nano"
    nano.mkdir()
    for split in ("train", "val"):
        tokens = [(7 * i * i + 3 * i) % 64 for i in range(800)]
        (nano / f"{split}.bin").write_bytes(struct.pack("<800H", *tokens))
    world.takes("eval", world.run, "--data", nano)
    run = make_run(aero, nano, tmp_path / "run")
    world.takes("eval", run, "--data", world.corpus)
    world.takes("generate", run, "--prompt", "ab", "--tokenizer", world.other_tokenizer)


# The next tests are about characters.


def tokens_of(corpus: Path, split: str) -> tuple[int, ...]:
    raw = (corpus / f"{split}-00000.tok").read_bytes()[128:]
    return struct.unpack(f"<{len(raw) // 2}H", raw)


def characters_of_targets(corpus: Path, eos: str) -> int:
    """Counts the characters between EOS tokens, as Hugging Face tokenizers decodes them."""
    tokenizer = tokenizers.Tokenizer.from_file(str(corpus / "tokenizer.json"))
    eos_id = tokenizer.token_to_id(eos)
    tokens = tokens_of(corpus, "val")
    contexts = (len(tokens) - 1) // CONTEXT
    documents: list[list[int]] = [[]]
    for token in tokens[1 : 1 + contexts * CONTEXT]:
        if token == eos_id:
            documents.append([])
        else:
            documents[-1].append(token)
    return sum(len(tokenizer.decode(ids, skip_special_tokens=False)) for ids in documents)


@pytest.mark.parametrize("eos", ["<|endoftext|>", "</s>", "<a token with quite a long name>"])
def test_the_name_of_the_eos_token_is_not_counted_as_text(
    world: World, aero: str, tmp_path: Path, eos: str
) -> None:
    corpus = prepare(world.source, tmp_path / "corpus", "--eos", eos)
    run = make_run(aero, corpus, tmp_path / "run")
    result = json.loads(world.takes("eval", run, "--json"))
    assert result["characters"] == characters_of_targets(corpus, eos)
    per_token = result["loss"] * result["tokens"]
    assert result["loss_per_character"] == pytest.approx(per_token / result["characters"])
    counts = json.loads((corpus / "manifest.json").read_text())["counts"]["val"]
    whole = tokens_of(corpus, "val")
    tokenizer = tokenizers.Tokenizer.from_file(str(corpus / "tokenizer.json"))
    text = tokenizer.decode([t for t in whole if t != tokenizer.token_to_id(eos)])
    assert counts["characters"] == len(text)


def test_an_eos_that_is_not_marked_as_special_is_not_counted_either(
    world: World, aero: str, tmp_path: Path
) -> None:
    content = json.loads((world.corpus / "tokenizer.json").read_text())
    content["added_tokens"][0]["special"] = False
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(content))
    corpus = prepare(world.source, tmp_path / "corpus", "--tokenizer", str(plain))
    run = make_run(aero, corpus, tmp_path / "run")
    result = json.loads(world.takes("eval", run, "--json"))
    assert result["characters"] == characters_of_targets(corpus, "<|endoftext|>")


def test_no_characters_are_counted_where_the_tokenizer_adds_spaces(
    world: World, aero: str, tmp_path: Path
) -> None:
    content = json.loads((world.corpus / "tokenizer.json").read_text())
    content["pre_tokenizer"]["add_prefix_space"] = True
    adding = tmp_path / "adding.json"
    adding.write_text(json.dumps(content))
    corpus = prepare(world.source, tmp_path / "corpus", "--tokenizer", str(adding))
    run = make_run(aero, corpus, tmp_path / "run")
    result = call(aero, "eval", run, "--json")
    assert result.returncode == 0
    assert result.stderr.count("the loss per character is left out") == 1
    assert "add_prefix_space" in result.stderr
    shown = json.loads(result.stdout)
    assert shown["characters"] is None
    assert shown["loss_per_character"] is None
    named = call(aero, "eval", run, "--tokenizer", adding)
    assert named.returncode == 0 and "per character" not in named.stdout
    assert f"left out: {adding}: its pre-tokenizer adds spaces" in named.stderr


# The next tests are about the vocabulary.


@pytest.mark.parametrize(("vocabulary", "warned"), [(64, 0), (128, 0), (192, 0), (4096, 1)])
def test_a_vocabulary_far_above_the_corpus_gives_one_warning(
    aero: str, tmp_path: Path, vocabulary: int, warned: int
) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    changes: dict[str, Any] = {"model": {"vocab_size": vocabulary}, "train": {"duration": "2"}}
    config = make_config(tmp_path / "c.json", corpus, tmp_path / "run", **changes)
    result = call(aero, "train", config)
    assert result.returncode == 0, result.stderr
    said = f"model.vocab_size is {vocabulary}, and the corpus {corpus} uses 64 tokens"
    assert result.stderr.count(said) == warned
    assert len([line for line in read_metrics(tmp_path / "run") if "event" not in line]) == 2


def test_a_prompt_has_the_ids_that_its_text_has_in_a_corpus(world: World) -> None:
    text = "and<|endoftext|> so"
    tokenizer = tokenizers.Tokenizer.from_file(str(world.corpus / "tokenizer.json"))

    def continued(*prompt: str) -> str:
        return world.takes("generate", world.run, *prompt, "--print-ids", "--max-tokens", "40")

    def continued_ids(names_are_text: bool) -> str:
        tokenizer.encode_special_tokens = names_are_text
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        return continued("--ids", ",".join(map(str, ids)))

    assert continued_ids(True) != continued_ids(False)
    assert continued("--prompt", text) == continued_ids(True)
