#!/usr/bin/env python3
"""Compares AERO's tokenizer with Hugging Face `tokenizers`: same ids, same decoded text.

On real code (some 0.6 MB of the Python standard library), on code points of Unicode in places
where their class decides the split, and on random hostile strings; under the pre-tokenizers and
normalizers that tests/golden/tokenizer lists. With --all on every code point under each of them,
which takes half an hour.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "tokenizer"


class Program:
    """encode_main, which answers one job after another: LibTorch takes long to load."""

    def __init__(self, path: Path, folder: Path) -> None:
        """Starts it; tokenizers for it are written into the folder."""
        self.folder = folder
        self.process = subprocess.Popen(
            [str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1 << 20
        )
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout

    def ask(self, tokenizer: Path, mode: str, records: list[bytes]) -> None:
        """Sends a job; as many answers as records are there to be read then."""
        for text in (str(tokenizer).encode(), mode.encode()):
            self.input.write(struct.pack("<I", len(text)) + text)
        self.input.write(struct.pack("<I", len(records)))
        self.input.writelines(records)
        self.input.flush()

    def read(self, size: int) -> bytes:
        """So many bytes of an answer."""
        read = self.output.read(size)
        if len(read) < size:
            raise SystemExit(f"encode_main ended with exit code {self.process.wait()}")
        return read

    def number(self) -> int:
        """The next four bytes of an answer."""
        return struct.unpack("<I", self.read(4))[0]


class Aero:
    """The C++ side, through the program."""

    def __init__(self, program: Program, tokenizer: dict[str, Any]) -> None:
        """`tokenizer` is the content of a tokenizer.json."""
        self.program = program
        self.file = program.folder / "tokenizer.json"
        self.file.write_text(json.dumps(tokenizer))

    def encode(self, texts: list[str], names_are_text: bool = False) -> list[list[int]]:
        """Ids of each text."""
        encoded = [text.encode() for text in texts]
        mode = "encode-names-as-text" if names_are_text else "encode"
        records = [struct.pack("<I", len(raw)) + raw for raw in encoded]
        self.program.ask(self.file, mode, records)
        counts = (self.program.number() for _ in texts)
        return [list(struct.unpack(f"<{n}I", self.program.read(4 * n))) for n in counts]

    def decode(self, lists: list[list[int]]) -> list[str]:
        """Text of each list of ids."""
        records = [struct.pack(f"<{len(ids) + 1}I", len(ids), *ids) for ids in lists]
        self.program.ask(self.file, "decode", records)
        return [self.program.read(self.program.number()).decode() for _ in lists]


def real_code(at_least: int) -> list[str]:
    """Python files of the standard library, `at_least` characters in all."""
    texts, total = [], 0
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        text = path.read_bytes().decode("utf-8", "replace")
        texts.append(text)
        total += len(text)
        if total >= at_least:
            return texts
    raise SystemExit(f"{library} holds fewer than {at_least} characters of Python")


def code_points(every: bool) -> Iterable[str]:
    """All of Unicode, or all of the two planes that scripts and symbols are in and a few beyond."""
    beyond = range(0x20000, 0x110000, 1 if every else 97)
    points = itertools.chain(range(0xD800), range(0xE000, 0x20000), beyond)
    return map(chr, points)


def probe_texts(every: bool) -> list[str]:
    """Each code point after a letter, a digit, a mark of punctuation, an apostrophe and a tab."""
    points = code_points(every)
    return [f"a{c} 1{c} !{c} '{c}\t{c}" for c in points]


def random_texts(count: int, seed: int) -> list[str]:
    """Random strings of code points that are likely to be at odds with each other."""
    rng = random.Random(seed)
    blocks = [
        (0x00, 0x80), (0x80, 0x250), (0x300, 0x370), (0x590, 0x780), (0x900, 0xA80), (0xE00, 0xE60),
        (0x1100, 0x1200), (0x1E00, 0x2070), (0x3000, 0x3100), (0xAC00, 0xAD00), (0xF900, 0xFB50),
        (0x10400, 0x10500), (0x11300, 0x11400), (0x1D160, 0x1D200), (0x1F300, 0x1FB00),
        (0x0, 0xD800), (0xE000, 0x110000),
    ]  # fmt: skip
    common = " \n\t'\u00a0\u0301\u0323\u3000\u200daeo09."
    texts = []
    for _ in range(count):
        chars = []
        for _ in range(rng.randrange(1, 40)):
            low, high = rng.choice(blocks)
            chars.append(
                rng.choice(common) if rng.random() < 0.4 else chr(rng.randrange(low, high))
            )
        texts.append("".join(chars))
    return texts


def probe_tokenizer(base: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer that joins 'a', '1', '!', an apostrophe and a tab with whatever byte follows.

    So its ids tell where the pre-tokenizer has split.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate(alphabet)}
    merges = []
    for left in "a1!'\u0109":
        for right in alphabet:
            merges.append([left, right])
            vocab.setdefault(left + right, len(vocab))
    return base | {"model": base["model"] | {"vocab": vocab, "merges": merges}, "added_tokens": []}


def patched(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The base with parts replaced; "model" is changed key by key."""
    result = base | patch
    if "model" in patch:
        result["model"] = base["model"] | patch["model"]
    return result


def compare(name: str, program: Program, tokenizer: dict[str, Any], texts: list[str]) -> int:
    """Prints one line, and the first texts that differ; returns how many do."""
    began = time.monotonic()
    aero = Aero(program, tokenizer)
    peer = Tokenizer.from_str(json.dumps(tokenizer))
    ours = aero.encode(texts)
    between = time.monotonic()
    theirs = [one.ids for one in peer.encode_batch_fast(texts, add_special_tokens=False)]
    took = time.monotonic() - between
    wrong = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    decoded = peer.decode_batch(theirs, skip_special_tokens=False)
    wrong += [
        i for i, (a, b) in enumerate(zip(aero.decode(theirs), decoded, strict=True)) if a != b
    ]
    size = sum(len(text.encode()) for text in texts)
    print(
        f"{name}: {len(texts)} texts, {size / 1e6:.1f} MB, {len(wrong)} differ "
        f"({between - began:.1f} s here, {took:.1f} s there)",
        flush=True,
    )
    for i in wrong[:5]:
        print(f"  {texts[i][:60]!a}\n  here  {ours[i][:20]}\n  there {theirs[i][:20]}")
    return len(wrong)


BLANKS = [" ", "  ", "\n", "\t", "\u00a0", "\u3000"]
CONTENTS = [
    *BLANKS,
    "a",
    "ab",
    "b ",
    " a",
    "a b",
    "<x>",
    "é",
    "e\u0301",
    "日",
    "1",
    "_",
    "-",
    " \n",
]


def random_added_tokens(rng: random.Random) -> list[dict[str, Any]]:
    """Some added tokens without ids, all flags drawn."""
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return [
        {"content": content} | {flag: rng.random() < 0.5 for flag in flags}
        for content in rng.sample(CONTENTS, rng.randrange(1, 6))
    ]


@contextlib.contextmanager
def silent_standard_error() -> Iterator[None]:
    """Where `tokenizers` reports that it has failed."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def ids_or_none(peer: Tokenizer, text: str) -> list[int] | None:
    """Nothing where `tokenizers` fails: a token that takes blanks which another has taken."""
    try:
        return peer.encode(text, add_special_tokens=False).ids
    except BaseException as fault:
        if type(fault).__name__ != "PanicException":
            raise
        return None


def compare_added_tokens(program: Program, base: dict[str, Any], rounds: int) -> int:
    """Draws added tokens and texts of their pieces; returns how many texts differ."""
    rng = random.Random(5)
    pieces = [*CONTENTS, *BLANKS, "c", "\u0301", "<", "ba"]
    vocabulary = base["model"]["vocab"]
    wrong = compared = 0
    for number in range(rounds):
        tokens = random_added_tokens(rng)
        # A token of the model may be an added token too, by the model's id.
        fresh = [token for token in tokens if token["content"] not in vocabulary]
        for token in tokens:
            token["id"] = vocabulary.get(token["content"], 0)
        for i, token in enumerate(fresh):
            token["id"] = len(vocabulary) + i
        normalizer = {"type": "NFC"} if number % 2 else None
        tokenizer = base | {"added_tokens": tokens, "normalizer": normalizer}
        texts = ["".join(rng.choices(pieces, k=rng.randrange(1, 12))) for _ in range(100)]
        peer = Tokenizer.from_str(json.dumps(tokenizer))
        peer.encode_special_tokens = number % 4 >= 2
        ours = Aero(program, tokenizer).encode(texts, peer.encode_special_tokens)
        with silent_standard_error():
            theirs = [ids_or_none(peer, text) for text in texts]
        for text, here, there in zip(texts, ours, theirs, strict=True):
            if there is None:
                continue
            compared += 1
            if here != there:
                wrong += 1
                if wrong <= 5:
                    print(f"  {text!a} with {tokens}\n  here  {here}\n  there {there}")
    print(f"added tokens: {compared} texts, {wrong} differ", flush=True)
    if compared < 50 * rounds:
        raise SystemExit("added tokens: most texts are beyond tokenizers; nothing was compared")
    return wrong


def main() -> None:
    """Compares; exit code 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="the built encode_main")
    parser.add_argument("--all", action="store_true", help="every code point under every variant")
    arguments = parser.parse_args()
    base = json.loads((GOLDEN / "tokenizer.json").read_text())
    expected = json.loads((GOLDEN / "expected.json").read_text())
    probe = probe_tokenizer(base)
    code = real_code(1_000_000 if arguments.all else 600_000)
    points = probe_texts(arguments.all)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(arguments.program, Path(folder))
        differ = 0
        for seed, variant in enumerate(expected["variants"]):
            name, patch = variant["name"], variant["patch"]
            files = code if arguments.all or name in ("gpt2", "llama3", "nfc") else code[:16]
            differ += compare(f"{name}, code", program, patched(base, patch), files)
            texts = random_texts(2000 if arguments.all else 1000, seed)
            differ += compare(f"{name}, random", program, patched(base, patch), texts)
            added = patch.get("added_tokens")
            if added is None:
                step = 1 if arguments.all else 3 if name == "llama3" else 16
                texts = points[::step]
                probe_patched = patched(probe, patch)
                differ += compare(f"{name}, code points", program, probe_patched, texts)
        differ += compare_added_tokens(program, base, 400 if arguments.all else 40)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
