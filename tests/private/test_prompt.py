"""Tests that a prompt has the ids of a corpus, whatever the tokenizer.json would add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aero.core.errors import AeroError
from aero.private.run.prompt import end_of_text, tokens_from, tokens_of_prompt, words_of

tokenizers = pytest.importorskip("tokenizers")

EOS = "<|endoftext|>"
TEXT = "ab cd ef\nab ab"
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": EOS, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": EOS, "type_id": 0}},
    ],
    "pair": [],
    "special_tokens": {EOS: {"id": EOS, "ids": [0], "tokens": [EOS]}},
}
TRUNCATION = {"max_length": 2, "stride": 0, "strategy": "LongestFirst", "direction": "Right"}
PADDING = {
    "strategy": {"Fixed": 32},
    "direction": "Left",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": EOS,
}
ADDED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def write_tokenizer(file: Path, **changes: Any) -> Path:
    """Writes a byte-level BPE of two merges, whose only special token is EOS."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {EOS: 0} | {letter: 1 + number for number, letter in enumerate(alphabet)}
    vocabulary |= {"ab": 257, "cd": 258}
    model = {"type": "BPE", "vocab": vocabulary, "merges": [["a", "b"], ["c", "d"]]}
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": 0, "content": EOS, "special": True, **ADDED}],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        },
        "post_processor": None,
        "decoder": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": True,
        },
        "model": model,
    }
    file.write_text(json.dumps(content | changes))
    return file


def ids_by_hand(text: str) -> list[int]:
    """Returns the ids of a text whose only merges are "ab" and "cd", byte by byte."""
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    shown = {"\n": "Ċ", " ": "Ġ"}
    ids = []
    for piece in text.replace("ab", "\1").replace("cd", "\2"):
        merged = {"\1": 257, "\2": 258}.get(piece)
        ids.append(1 + letters.index(shown.get(piece, piece)) if merged is None else merged)
    return ids


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"post_processor": TEMPLATE},
        {"truncation": TRUNCATION},
        {"padding": PADDING},
        {"post_processor": TEMPLATE, "truncation": TRUNCATION, "padding": PADDING},
    ],
    ids=["plain", "template", "truncation", "padding", "all"],
)
def test_ids_are_those_of_the_text_alone(changes: dict[str, Any], tmp_path: Path) -> None:
    file = write_tokenizer(tmp_path / "tokenizer.json", **changes)
    assert tokens_of_prompt(TEXT, file) == [ids_by_hand(TEXT)]


def test_the_name_of_a_special_token_is_text(tmp_path: Path) -> None:
    file = write_tokenizer(tmp_path / "tokenizer.json")
    assert tokens_of_prompt(f"ab{EOS}", file) == [ids_by_hand(f"ab{EOS}")]
    assert end_of_text(file) == 0
    assert words_of([0, 257], file) == [repr(EOS), "'ab'"]


def test_ids_are_those_of_the_corpus(tmp_path: Path) -> None:
    corpus = pytest.importorskip("aero.corpus.tokenizer")
    changes = {"post_processor": TEMPLATE, "truncation": TRUNCATION, "padding": PADDING}
    file = write_tokenizer(tmp_path / "tokenizer.json", **changes)
    for text in (TEXT, f"ab{EOS}cd", "ÄÖ €"):
        (ids,) = corpus.HuggingFaceEncoder(file).encode([text])
        assert tokens_of_prompt(text, file) == [ids.tolist()]


def learned_as_text() -> dict[str, Any]:
    """Makes a byte-level BPE that merges "</s>", and has "<eos>" added."""
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    merges = [["<", "/"], ["</", "s"], ["</s", ">"]]
    words = [*letters, "</", "</s", "</s>", "<eos>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    added = [{"id": vocabulary["<eos>"], "content": "<eos>", "special": True, **ADDED}]
    model = {"type": "BPE", "vocab": vocabulary, "merges": merges}
    # The regular expression would cut "</" from "s", so it is left out.
    splits = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "model": model,
        "added_tokens": added,
        "pre_tokenizer": splits | {"use_regex": False},
    }


def test_a_token_that_text_encodes_to_does_not_end_a_text(tmp_path: Path) -> None:
    changes = learned_as_text()
    file = write_tokenizer(tmp_path / "tokenizer.json", **changes)
    vocabulary = changes["model"]["vocab"]
    assert tokens_of_prompt("</s>", file) == [[vocabulary["</s>"]]]
    assert end_of_text(file) == vocabulary["<eos>"]
    changes["added_tokens"][0]["special"] = False
    assert tokens_of_prompt("<eos>", write_tokenizer(file, **changes)) == [[vocabulary["<eos>"]]]
    assert end_of_text(file) == vocabulary["<eos>"]
    del vocabulary["<eos>"]
    assert end_of_text(write_tokenizer(file, **changes | {"added_tokens": []})) is None


@pytest.mark.parametrize(
    ("prompt", "byte"), [(b"caf\xe9", 4), ("é".encode() + b"\xff", 3), (b"\xed\xa0\x80", 1)]
)
def test_bytes_that_are_not_utf8_are_refused_as_in_a_corpus(
    prompt: bytes, byte: int, tmp_path: Path
) -> None:
    file = write_tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(AeroError) as raised:
        tokens_of_prompt(prompt.decode("utf-8", "surrogateescape"), file)
    assert str(raised.value) == (
        f"--prompt: not UTF-8 text (byte {byte}); convert it, for example with iconv, or give "
        "--tokens"
    )


def test_text_that_a_terminal_without_utf8_passed_on_is_whole(tmp_path: Path) -> None:
    file = write_tokenizer(tmp_path / "tokenizer.json")
    passed = "ab é".encode().decode("ascii", "surrogateescape")
    assert tokens_of_prompt(passed, file) == tokens_of_prompt("ab é", file)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "no JSON", '{"model": {"type": "BPE"}}'])
def test_the_error_names_a_file_that_is_not_a_tokenizer(content: str, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text(content)
    with pytest.raises(AeroError) as raised:
        tokens_of_prompt("a", file)
    assert str(raised.value).startswith(f"{file}: not a tokenizer.json that")
    with pytest.raises(AeroError, match="Is a directory"):
        tokens_of_prompt("a", tmp_path)
    with pytest.raises(AeroError, match="No such file"):
        tokens_of_prompt("a", tmp_path / "none.json")


@pytest.mark.parametrize("text", ["1 2 3", "1,2,3", " 1, 2 ,3 ", "1\t2,3\n"])
def test_ids_stand_between_spaces_or_commas(text: str) -> None:
    assert tokens_from(text) == [[1, 2, 3]]


@pytest.mark.parametrize("text", ["1_0", "١ ٢", "0x1", "1.0", "1 two", "9" * 400, "+", ""])
def test_ids_are_decimals(text: str) -> None:
    with pytest.raises(AeroError):
        tokens_from(text)


@pytest.mark.parametrize("text", ["1,,2", "1, ,2", ",1", "1,", ","])
def test_an_id_that_is_left_out_is_a_fault(text: str) -> None:
    with pytest.raises(AeroError, match="expected token ids"):
        tokens_from(text)


def test_the_error_names_a_malformed_file_of_tokens(tmp_path: Path) -> None:
    file = tmp_path / "tokens.txt"
    file.write_bytes(b"\xff\xfe1 2")
    with pytest.raises(AeroError, match=r"tokens\.txt: not a text in UTF-8"):
        tokens_from(str(file))
    file.write_text("1 2\n1 x\n")
    with pytest.raises(AeroError, match=r"tokens\.txt:2: expected token ids"):
        tokens_from(str(file))
