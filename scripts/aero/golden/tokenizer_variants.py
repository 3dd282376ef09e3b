"""Lists the pre-tokenizers, normalizers and added tokens that the tokenizer is tested with."""

from __future__ import annotations

from typing import Any

from aero.golden.tokenizer_texts import EOS

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
    """Returns a ByteLevel section of a tokenizer.json."""
    defaults = {"add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"type": "ByteLevel", **defaults, **options}


def split(pattern: str, behavior: str = "Isolated", invert: bool = False) -> dict[str, Any]:
    """Returns a Split section with a regular expression."""
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": behavior,
        "invert": invert,
    }


def sequence(*parts: dict[str, Any]) -> dict[str, Any]:
    """Returns a Sequence of pre-tokenizers."""
    return {"type": "Sequence", "pretokenizers": list(parts)}


def added(token_id: int, content: str, **flags: bool) -> dict[str, Any]:
    """Returns an added token, plain unless flags say otherwise."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": token_id, "content": content, "special": False, **plain, **flags}


def variants(vocab_size: int) -> dict[str, dict[str, Any]]:
    """Returns changes to the base tokenizer.json (JSON merge patches), by name."""
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
