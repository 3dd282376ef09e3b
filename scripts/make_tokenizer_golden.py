#!/usr/bin/env python3
"""Makes what the tokenizer's tests compare with, by Hugging Face `tokenizers`.

golden   trains a small byte-level BPE on the Python standard library and writes it with the ids of
         hostile Unicode texts, under several pre-tokenizers, to tests/golden/tokenizer.
unicode  writes tables to src/data: unicode_additions.inc, the code points whose general category in
         `tokenizers` is newer than Unicode 14, the version of PCRE2 10.42 and of Python 3.11; and
         nfc_*.inc, for normalization form C as `tokenizers` has it.

Example:
  scripts/make_tokenizer_golden.py golden --out build/tokenizer-golden
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # noqa: F401  (before all else)

# isort: split
import argparse
import copy
import json
import random
import sys
import sysconfig
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tqdm import tqdm

    from aero.core.command import run_command
    from aero.core.options import Parser, whole
except ModuleNotFoundError as error:
    sys.exit(
        f"error: the Python package {error.name} is missing; run this with build/venv/bin/python, "
        "which scripts/setup.sh makes"
    )

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "tokenizer"
EOS = "<|endoftext|>"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(**options: Any) -> dict[str, Any]:
    """A ByteLevel section of a tokenizer.json."""
    defaults = {"add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"type": "ByteLevel", **defaults, **options}


def split(pattern: str, behavior: str = "Isolated", invert: bool = False) -> dict[str, Any]:
    """A Split section with a regular expression."""
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": behavior,
        "invert": invert,
    }


def sequence(*parts: dict[str, Any]) -> dict[str, Any]:
    """A Sequence of pre-tokenizers."""
    return {"type": "Sequence", "pretokenizers": list(parts)}


def added(token_id: int, content: str, **flags: bool) -> dict[str, Any]:
    """An added token, plain unless flags say otherwise."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": token_id, "content": content, "special": False, **plain, **flags}


def variants(vocab_size: int) -> dict[str, dict[str, Any]]:
    """Changes to the base tokenizer.json (JSON merge patches), by name."""
    raw = byte_level(use_regex=False)
    n = vocab_size
    eos = added(0, EOS, special=True)
    return {
        "gpt2": {},
        "prefix_space": {"pre_tokenizer": byte_level(add_prefix_space=True)},
        "no_regex": {"pre_tokenizer": raw},
        "llama3": {"pre_tokenizer": sequence(split(LLAMA3), raw)},
        "gpt4o": {"pre_tokenizer": sequence(split(GPT4O), raw)},
        "digits_then_gpt2": {
            "pre_tokenizer": sequence(
                {"type": "Digits", "individual_digits": True}, byte_level(add_prefix_space=True)
            )
        },
        "joined_digits": {
            "pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, raw)
        },
        "spaces_removed": {"pre_tokenizer": sequence(split(r"\s+", "Removed"), raw)},
        "merged_with_previous": {
            "pre_tokenizer": sequence(split(r"[\p{P}\p{S}]", "MergedWithPrevious"), raw)
        },
        "merged_with_next": {
            "pre_tokenizer": sequence(split(r"[\p{P}\p{S}]", "MergedWithNext"), raw)
        },
        "contiguous": {"pre_tokenizer": sequence(split(r"\p{L}", "Contiguous"), raw)},
        "inverted": {"pre_tokenizer": sequence(split(r"\p{L}+|\p{N}", "Removed", True), raw)},
        "literal": {
            "pre_tokenizer": sequence(
                {
                    "type": "Split",
                    "pattern": {"String": "e."},
                    "behavior": "Isolated",
                    "invert": False,
                },
                raw,
            )
        },
        "nfc": {"normalizer": {"type": "NFC"}},
        "whole_words": {"model": {"ignore_merges": True}},
        "added_tokens": {
            "added_tokens": [
                eos,
                added(n, "<word>", single_word=True),
                added(n + 1, "<left>", lstrip=True),
                added(n + 2, "<right>", rstrip=True, special=True),
                added(n + 3, "<both>", lstrip=True, rstrip=True),
                added(n + 4, "<normal>", normalized=True),
                added(n + 5, "<normal>longer", normalized=False),
                added(n + 6, "éé"),
                added(n + 7, "日本"),
                added(n + 8, "    "),
            ]
        },
    }


def scripts_and_marks() -> Iterator[tuple[str, str]]:
    """Texts with what Unicode has of trouble."""
    yield "empty", ""
    yield "space", " "
    yield (
        "code",
        "def f(x):\n    return x ** 2  # two\n\n\n\tif  not self._a1B2:\r\n      pass \n",
    )
    yield "contractions", "I'm you're he'll WE'LL it's IT'S they'd 's'S'ſ'ſt 'K o'clock 'l 'll'"
    yield "eos", f"a{EOS}b {EOS} {EOS}{EOS}\n<|endoftext|"
    yield "numbers", "0 12 345 6789 1e-5 ٣٤٥ ४५६ Ⅷ ⅷ ½ ² ㉈ 𝟘𝟙 𑁦"
    yield "zero width", "a\u200bb a\u200cb a\u200db\ufeff c\u2060d \u180e e \u180e\u180e"
    yield "nul and controls", "a\x00b\x00\x00 \x01\x02\x1b[0m\x7f\x80\x9f\x85 \x1c\x1d\x1e\x1f x"
    yield "emoji", "👩‍👩‍👧‍👦 👨🏽‍💻 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☺︎ 🫨 🫩 1️⃣"
    yield "right to left", "שלום עולם! \u202eabc\u202c مرحبا بالعالم ۱۲۳ \u2067x\u2069"
    yield "combining", "e\u0301 a\u0308\u0304 Z\u0351\u036b\u0343\u0364 नमस्ते สวัสดี ก็ \u0301x ﬀ ŉ"
    yield "east asian", "日本語テキスト、한국어 텍스트。中文，全角　空格。ﾊﾝｶｸ"
    yield "case", "İstanbul ıI ß ẞ ǅ ǆ Ǆ ΑΣ ας Ꭰ ꭰ HTTPServer parseXML iPhone"
    yield "private and none", "\ue000\uf8ff\ufdd0\ufffe\uffff\U000f0000\U0010ffff\u0378\u0e5c"
    yield "replacement", "\ufffd \ufffd\ufffd a\ufffd"
    yield (
        "later unicode",
        "\u1c89\ua7cb \U000105c0\U0001123f a\U000116d0\U00011f50\U0001e4d0\U00031350",
    )
    yield "astral", "𝒜𝓁𝓅𝒽𝒶 𐐷𐑌 𠜎𠜱 \U0001f9ff\U0001fae8"
    spaces = "".join(map(chr, [9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]))
    spaces += "\u2028\u2029\u202f\u205f\u3000"
    yield "all white space", f"a{spaces}b{spaces}"
    yield "white space apart", "".join(f"x{c} {c}{c}y{c}" for c in spaces)
    yield "spaces before", "   x    y\t\tz  \n  w   "
    yield "spaces around markers", "a <left> b  <left>c <right>  d <right>\u3000e <both> <both>  f"
    yield (
        "words at markers",
        "<word> a<word> <word>b <word>, -<word>- \u0301<word> <word>\u200d",
    )
    yield "nested markers", "<normal>longer <normal> <normal>longerer <<normal>> éé日本é    x     "


def hostile_texts() -> list[tuple[str, str]]:
    """All texts, the last ones random from a fixed seed."""
    texts = list(scripts_and_marks())
    rng = random.Random(20240)
    alphabet = [ord(c) for _, text in texts for c in text]
    for k in range(12):
        chars = [chr(rng.choice(alphabet)) for _ in range(60)]
        chars += [
            chr(c) for c in (rng.randrange(0x110000) for _ in range(20)) if not 0xD800 <= c < 0xE000
        ]
        rng.shuffle(chars)
        texts.append((f"random {k}", "".join(chars)))
    return texts


BROKEN = [
    b"\xff", b"a\x80b", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82x", b"\xed\xa0\x80", b"\xc0\x80",
    b"\xf0\x9f\x98", b"\xf0\x9f\x98 \xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf", b"\xe2\x82\xe2\x82\xac", b"ok \xfe\xff ok",
]  # fmt: skip


def train(vocab_size: int) -> Tokenizer:
    """A byte-level BPE trained on the standard library's Python files."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(library.glob("*.py"))
    texts = (path.read_text("utf-8", "replace") for path in tqdm(files, "training"))
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def patched(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """JSON merge patch (RFC 7386) without deletions."""
    result = copy.deepcopy(base)
    for key, value in patch.items():
        both_objects = isinstance(value, dict) and isinstance(result.get(key), dict)
        replaced = key == "pre_tokenizer"
        result[key] = patched(result[key], value) if both_objects and not replaced else value
    return result


def make_golden(folder: Path, vocab_size: int) -> None:
    """Writes tokenizer.json and expected.json into `folder`."""
    base = train(vocab_size)
    base_json = json.loads(base.to_str())
    rng = random.Random(7)
    texts = hostile_texts()
    expected: dict[str, Any] = {"texts": [], "variants": [], "decode": [], "broken": []}
    expected["texts"] = [{"name": name, "text": text} for name, text in texts]
    for name, patch in tqdm(variants(base.get_vocab_size()).items(), "variants"):
        tokenizer = Tokenizer.from_str(json.dumps(patched(base_json, patch)))
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for _, text in texts]
        entry = {"name": name, "patch": patch, "ids": ids}
        if name in ("gpt2", "added_tokens"):
            entry["decoded"] = [tokenizer.decode(one, skip_special_tokens=False) for one in ids]
        expected["variants"].append(entry)
    for _ in range(20):
        ids = [rng.randrange(base.get_vocab_size()) for _ in range(30)] + [0]
        expected["decode"].append(
            {
                "ids": ids,
                "all": base.decode(ids, skip_special_tokens=False),
                "plain": base.decode(ids, skip_special_tokens=True),
            }
        )
    for broken in BROKEN:
        text = broken.decode("utf-8", "replace")
        expected["broken"].append({"hex": broken.hex(), "ids": base.encode(text).ids})
    folder.mkdir(parents=True, exist_ok=True)
    compact = {"ensure_ascii": True, "separators": (",", ":")}
    (folder / "tokenizer.json").write_text(json.dumps(base_json, **compact) + "\n")
    (folder / "expected.json").write_text(json.dumps(expected, **compact) + "\n")


def code_points() -> Iterator[str]:
    """All of Unicode but the surrogates."""
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def join(rows: list[tuple[int, int, Any]], c: int, value: Any) -> None:
    """Adds a code point to the ranges, as part of the last one where it follows with that value."""
    if rows and rows[-1][1] == c - 1 and rows[-1][2] == value:
        rows[-1] = (rows[-1][0], c, value)
    else:
        rows.append((c, c, value))


def category_additions() -> list[tuple[int, int, str]]:
    """Ranges of code points that are newer in `tokenizers` than in Python."""
    categories = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs".split()
    rows: list[tuple[int, int, str]] = []
    for category in tqdm(categories, "categories"):
        matches = pre_tokenizers.Split(Regex(rf"\p{{{category}}}"), "removed")
        for c in code_points():
            if unicodedata.category(c) != category and not matches.pre_tokenize_str(c):
                join(rows, ord(c), category)
    return sorted(rows)


def nfc_classes() -> list[tuple[int, int, int]]:
    """Ranges of canonical combining classes, of the marks that `tokenizers` puts in order."""
    nfc = normalizers.NFC().normalize_str
    rows: list[tuple[int, int, int]] = []
    for c in tqdm(list(code_points()), "combining classes"):
        combining = unicodedata.combining(c)
        # U+0334 has the lowest class of common marks, U+0345 the highest.
        probe = c + "\u0334" if combining > 1 else "\u0334" + c
        if combining and unicodedata.normalize("NFC", "\u0345" + probe) == nfc("\u0345" + probe):
            join(rows, ord(c), combining)
    return rows


def nfc_decompositions() -> list[tuple[int, int, int, str]]:
    """Canonical decompositions that `tokenizers` knows, and whether they compose again."""
    nfc = normalizers.NFC().normalize_str
    rows: list[tuple[int, int, int, str]] = []
    for c in tqdm(list(code_points()), "decompositions"):
        parts = unicodedata.decomposition(c).split()
        if not parts or parts[0].startswith("<"):
            continue
        first, second, *_ = *(int(part, 16) for part in parts), 0
        pair = chr(first) + (chr(second) if second else "")
        if nfc(pair) == unicodedata.normalize("NFC", pair):
            rows.append((ord(c), first, second, "true" if nfc(pair) == c else "false"))
    return rows


def make_unicode_tables(folder: Path) -> None:
    """Writes the tables as rows of C++ arrays."""
    if unicodedata.unidata_version != "14.0.0":
        raise SystemExit(
            f"this needs the Unicode 14 tables of Python 3.11, not {unicodedata.unidata_version}"
        )

    def write(name: str, rows: list[str]) -> None:
        (folder / name).write_text("".join(f"{{{row}}},\n" for row in rows))

    rows = nfc_decompositions()
    write(
        "nfc_decompositions.inc", [f"0x{c:X}, 0x{a:X}, 0x{b:X}, {back}" for c, a, b, back in rows]
    )
    write("nfc_classes.inc", [f"0x{a:X}, 0x{b:X}, {value}" for a, b, value in nfc_classes()])
    additions = category_additions()
    write("unicode_additions.inc", [f'0x{a:X}, 0x{b:X}, "{name}"' for a, b, name in additions])


def main() -> int:
    """Parses the command line."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["golden", "unicode"])
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--vocab-size", type=whole(257, 1 << 20), default=2000)
    arguments = parser.parse_args()
    if arguments.what == "golden":
        make_golden(arguments.out or GOLDEN, arguments.vocab_size)
    else:
        make_unicode_tables(arguments.out or ROOT / "src" / "data")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
