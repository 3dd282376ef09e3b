"""Makes a small tokenizer, and the ids of hostile texts under its variants."""

from __future__ import annotations

import copy
import json
import random
import sysconfig
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm

from aero.golden.tokenizer_texts import BROKEN, EOS, hostile_texts
from aero.golden.tokenizer_variants import variants


def train(vocab_size: int) -> Tokenizer:
    """Trains a byte-level BPE on the standard library's Python files."""
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
    """Applies a JSON merge patch (RFC 7386) without deletions."""
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
        encoded = [tokenizer.encode(text, add_special_tokens=False).ids for _, text in texts]
        entry = {"name": name, "patch": patch, "ids": encoded}
        if name in ("gpt2", "added_tokens"):
            entry["decoded"] = [tokenizer.decode(one, skip_special_tokens=False) for one in encoded]
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
    for name, content in (("tokenizer.json", base_json), ("expected.json", expected)):
        (folder / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")
