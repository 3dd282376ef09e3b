"""Tests corpora: the content of files, the same bytes for the same input, and tokenizers."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
from pathlib import Path

import pytest
import sentencepiece
import tokenizers

import aero.corpus.collect
from corpus_reader import (
    EOS,
    SMALL,
    code,
    dropped,
    folder_bytes,
    is_held_out,
    jsonl,
    manifest_of,
    read_split,
    read_tokens,
    run,
    run_apart,
    texts_of,
    write,
)

# Format.


def test_token_files_hold_what_the_format_says(tmp_path: Path) -> None:
    texts = [code(i) + "# naïve – 漢字 🙂\n" for i in range(20)]
    out = tmp_path / "corpus"
    assert run(write(tmp_path / "in", texts), "--out", out, *SMALL) == 0
    (shard,) = read_split(out, "train")
    assert (shard.width, shard.layout, shard.context) == (2, 0, 0)
    assert shard.vocab_size == 300
    assert shard.documents == 20
    assert shard.characters == sum(len(text) for text in texts)
    assert shard.bytes == sum(len(text.encode()) for text in texts)
    assert (
        shard.tokenizer_sha256 == hashlib.sha256((out / "tokenizer.json").read_bytes()).hexdigest()
    )


def test_manifest_agrees_with_the_files(tmp_path: Path) -> None:
    texts = [code(i) for i in range(40)]
    out = tmp_path / "corpus"
    source = write(tmp_path / "in", texts)
    assert run(source, "--out", out, "--vocab-size", "300", "--val-fraction", "0.3") == 0
    manifest = manifest_of(out)
    assert (manifest["format"], manifest["version"]) == ("aero-corpus", 1)
    assert (manifest["tokenizer"]["kind"], manifest["tokenizer"]["eos"]) == ("bpe", EOS)
    for split in ("train", "val"):
        (entry,) = manifest["splits"][split]
        assert entry["sha256"] == hashlib.sha256((out / entry["file"]).read_bytes()).hexdigest()
        shard = read_tokens(out / entry["file"])
        assert (entry["tokens"], entry["documents"]) == (shard.count, shard.documents)
        assert manifest["counts"][split] == {
            "documents": shard.documents,
            "tokens": shard.count,
            "characters": shard.characters,
            "bytes": shard.bytes,
        }
    named = {f"{split}-00000.{end}" for split in ("train", "val") for end in ("tok", "idx")}
    assert set(folder_bytes(out)) == named | {"manifest.json", "tokenizer.json"}
    assert manifest["settings"]["sources"] == [str(source)]


def test_tokens_decode_to_the_documents_even_with_eos_and_odd_unicode_inside(
    tmp_path: Path,
) -> None:
    texts = [
        f"before {EOS} after",
        "\r\nline ends\rof all\n\n\n   kinds\t",
        "\x01\x7f\u2028\u202e\ufffd\U0010ffff e\u0301 é",
        "   leading and trailing blanks   ",
        "𝒳 👩‍👩‍👧‍👦 नमस्ते",
    ]
    out = tmp_path / "corpus"
    source = write(tmp_path / "in", texts, ".txt")
    assert run(source, "--out", out, *SMALL, "--filters", "none") == 0
    assert sorted(texts_of(out)) == sorted(texts)


def test_a_byte_order_mark_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfplain words")
    out = tmp_path / "corpus"
    assert run(tmp_path / "a.txt", "--out", out, *SMALL) == 0
    assert texts_of(out) == ["plain words"]


def test_vocabulary_beyond_16_bits_takes_32_bit_tokens(tmp_path: Path) -> None:
    for size, width in ((65_536, 2), (65_537, 4)):
        vocab = {EOS: 0, **{f"w{i}": i for i in range(1, size)}}
        tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, unk_token=EOS))
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        path = tmp_path / f"{size}" / "tokenizer.json"
        path.parent.mkdir()
        tokenizer.save(str(path))
        source = tmp_path / "words.txt"
        source.write_text(f"w1 w{size - 1} w7")
        out = tmp_path / f"corpus-{size}"
        assert run(source, "--out", out, "--tokenizer", path, "--val-fraction", "0") == 0
        (shard,) = read_split(out, "train")
        assert (shard.width, shard.vocab_size) == (width, size)
        assert shard.ids == (1, size - 1, 7, 0)


def test_shards_break_only_between_documents(tmp_path: Path) -> None:
    texts = [code(i, lines=5 + i) for i in range(12)]
    source = write(tmp_path / "in", texts)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(source, "--out", whole, *SMALL) == 0
    assert run(source, "--out", cut, *SMALL, "--shard-tokens", "400") == 0
    (one,) = read_split(whole, "train")
    shards = read_split(cut, "train")
    assert len(shards) > 3
    assert sum((shard.ids for shard in shards), ()) == one.ids
    documents = [ids for shard in shards for ids in shard.document_ids()]
    assert documents == one.document_ids()
    for shard, following in itertools.pairwise(shards):
        assert shard.count <= 400 or shard.documents == 1
        assert shard.count + len(following.document_ids()[0]) > 400


def test_chunk_layout_cuts_each_document_and_drops_the_remainder(tmp_path: Path) -> None:
    texts = [code(i, lines=1 + 3 * i) for i in range(15)]
    source = write(tmp_path / "in", texts)
    out = tmp_path / "corpus"
    options = (*SMALL, "--filters", "none", "--layout", "chunk", "--context", "64")
    assert run(source, "--out", out, *options) == 0
    tokenizer = tokenizers.Tokenizer.from_file(str(out / "tokenizer.json"))
    expected: dict[tuple[int, ...], str] = {}
    for text in texts:
        ids = tokenizer.encode(text).ids
        kept = tuple(ids[: len(ids) // 64 * 64])
        if kept:
            expected[kept] = text
    (shard,) = read_split(out, "train")
    assert (shard.layout, shard.context) == (1, 64)
    assert set(shard.document_ids()) == set(expected)
    assert 0 < len(expected) < len(texts)
    assert shard.characters == sum(len(text) for text in expected.values())
    assert dropped(out) == {"shorter-than-context": len(texts) - len(expected)}


# The same bytes.


def test_bytes_depend_neither_on_workers_nor_on_order_names_or_containers(tmp_path: Path) -> None:
    texts = [code(i) for i in range(300)]
    folder = write(tmp_path / "in", texts[:150])
    lines = tmp_path / "more.jsonl.gz"
    lines.write_bytes(gzip.compress(jsonl(texts[150:], "content")))
    options = ("--vocab-size", "400", "--val-fraction", "0.1", "--max-bytes", "200k")
    for name, sources, workers in (
        ("one", (folder, lines), "1"),
        ("two", (folder, lines), "2"),
        ("three", (lines, folder), "3"),
    ):
        done = run_apart(*sources, "--out", tmp_path / name, "--workers", workers, *options)
        assert done.returncode == 0, done.stderr
    one, two, three = (folder_bytes(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one.pop("manifest.json") != three.pop("manifest.json")  # the sources' order
    assert one == three
    renamed = write(tmp_path / "renamed", texts[::-1])
    assert run(renamed, "--out", tmp_path / "four", *options) == 0
    four = folder_bytes(tmp_path / "four")
    del four["manifest.json"]
    assert one == four


def test_large_jsonl_files_are_read_in_parts_without_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [code(i, lines=6 + i % 7) for i in range(60)]
    source = tmp_path / "all.jsonl"
    source.write_bytes(jsonl(texts))
    assert run(source, "--out", tmp_path / "whole", *SMALL) == 0
    for part_bytes in (1, 100, 997, 5000):
        monkeypatch.setattr(aero.corpus.collect, "_PART_BYTES", part_bytes)
        out = tmp_path / f"parts-{part_bytes}"
        assert run(source, "--out", out, *SMALL) == 0
        assert folder_bytes(out) == folder_bytes(tmp_path / "whole")


def test_the_seed_changes_the_choice_but_not_the_split(tmp_path: Path) -> None:
    texts = [code(i) for i in range(200)]
    source = write(tmp_path / "in", texts)
    chosen = []
    for seed in ("0", "1"):
        out = tmp_path / seed
        options = ("--vocab-size", "300", "--val-fraction", "0.5", "--max-documents", "100")
        assert run(source, "--out", out, *options, "--seed", seed) == 0
        chosen.append((set(texts_of(out)), set(texts_of(out, "val"))))
    (train_0, val_0), (train_1, val_1) = chosen
    assert train_0 | val_0 != train_1 | val_1
    assert not train_0 & val_1
    assert not train_1 & val_0


# Tokenizers.


def test_the_bpe_is_byte_level_and_learns_from_training_text_only(tmp_path: Path) -> None:
    texts = [code(i) for i in range(100)]
    held_out = [text for text in texts if is_held_out(text, 0.3)]
    texts += [f"# zyxwvut{i}\n" + text for i, text in enumerate(held_out)]
    texts = [t for t in texts if "zyxwvut" not in t or is_held_out(t, 0.3)]
    assert any("zyxwvut" in text for text in texts)
    out = tmp_path / "corpus"
    source = write(tmp_path / "in", texts)
    assert run(source, "--out", out, "--vocab-size", "500", "--val-fraction", "0.3") == 0
    vocabulary = json.loads((out / "tokenizer.json").read_text())["model"]["vocab"]
    assert set(tokenizers.pre_tokenizers.ByteLevel.alphabet()) < set(vocabulary)
    assert vocabulary[EOS] == manifest_of(out)["tokenizer"]["eos_id"] == 0
    assert not any("zyx" in token for token in vocabulary)
    assert any("function" in token for token in vocabulary)


def test_a_given_tokenizer_is_copied_and_neither_truncates_pads_nor_adds(tmp_path: Path) -> None:
    first = tmp_path / "first"
    source = write(tmp_path / "in", [code(i) for i in range(10)])
    assert run(source, "--out", first, *SMALL, "--eos", "<end>") == 0
    tokenizer = tokenizers.Tokenizer.from_file(str(first / "tokenizer.json"))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=4096)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<end> $A <end>", special_tokens=[("<end>", tokenizer.token_to_id("<end>"))]
    )
    given = tmp_path / "given"
    given.mkdir()
    tokenizer.save(str(given / "tokenizer.json"))
    second = tmp_path / "second"
    options = ("--tokenizer", given, "--eos", "<end>", "--val-fraction", "0")
    assert run(source, "--out", second, *options) == 0
    assert (second / "tokenizer.json").read_bytes() == (given / "tokenizer.json").read_bytes()
    assert read_split(second, "train")[0].ids == read_split(first, "train")[0].ids


def test_a_sentencepiece_model_is_taken(tmp_path: Path) -> None:
    texts = [f"the {i}. sentence of a small book, told in {i} words\n" for i in range(200)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=90, minloglevel=2
    )
    path = tmp_path / "book.model"
    path.write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    out = tmp_path / "corpus"
    source = write(tmp_path / "in", texts, ".txt")
    assert run(source, "--out", out, "--tokenizer", path, "--val-fraction", "0") == 0
    (shard,) = read_split(out, "train")
    assert (out / "tokenizer.model").read_bytes() == model.getvalue()
    assert shard.tokenizer_sha256 == hashlib.sha256(model.getvalue()).hexdigest()
    assert shard.vocab_size == 90
    expected = [(*processor.encode(text), processor.eos_id()) for text in texts]
    assert sorted(shard.document_ids()) == sorted(expected)
    described = manifest_of(out)["tokenizer"]
    assert (described["kind"], described["file"]) == ("sentencepiece", "tokenizer.model")
    assert (described["eos"], described["eos_id"]) == ("</s>", processor.eos_id())


def test_an_eos_that_text_is_encoded_to_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", [code(i) for i in range(10)])
    assert run(source, "--out", tmp_path / "first", *SMALL) == 0
    assert "ordinary text" not in capsys.readouterr().err
    given = ("--tokenizer", tmp_path / "first", "--val-fraction", "0")
    assert run(source, "--out", tmp_path / "lines", *given, "--eos", "Ċ") == 0
    assert '--eos "Ċ": ordinary text can also be encoded to this token' in capsys.readouterr().err


def test_only_the_stream_layout_needs_an_end_of_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vocab = {"[UNK]": 0, **{f"w{i}": i for i in range(1, 50)}}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    path = tmp_path / "words.json"
    tokenizer.save(str(path))
    (tmp_path / "in.txt").write_text("w3 w1 w4 w1 w5")
    options = ("--tokenizer", path, "--val-fraction", "0")
    assert run(tmp_path / "in.txt", "--out", tmp_path / "stream", *options) == 1
    assert f"{path}: no end-of-text token" in capsys.readouterr().err
    chunk = (*options, "--layout", "chunk", "--context", "2")
    assert run(tmp_path / "in.txt", "--out", tmp_path / "chunk", *chunk) == 0
    assert read_split(tmp_path / "chunk", "train")[0].ids == (3, 1, 4, 1)
    described = manifest_of(tmp_path / "chunk")["tokenizer"]
    assert (described["eos"], described["eos_id"]) == (None, None)
