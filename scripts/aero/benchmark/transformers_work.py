"""Times transformers' generate() with its cache, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # transformers reads it on import: nothing is downloaded

import torch
from safetensors.torch import load_file
from transformers import GPT2LMHeadModel

from aero.checkpoint.checkpoints import find_checkpoint
from aero.checkpoint.kinds import WEIGHTS
from aero.reference.huggingface import build, to_huggingface


def exported(run: Path) -> Path:
    """Returns the folder of transformers that has the run's weights; makes it where it is new."""
    folder = run / "transformers"
    if not folder.is_dir():
        checkpoint = find_checkpoint(run)
        weights = to_huggingface(checkpoint.config, load_file(checkpoint.folder / WEIGHTS))
        model: Any = build(checkpoint.config, "sdpa")
        model.load_state_dict(weights)
        model.save_pretrained(folder)
    return folder


def seconds_of(task: dict[str, Any]) -> float:
    """Returns the seconds of one call, after one that warms up."""
    folder = exported(Path(task["run"]))
    model: Any = GPT2LMHeadModel.from_pretrained(folder, dtype=getattr(torch, task["dtype"]))
    model.eval()
    tokens = torch.tensor([task["prompt"]] * task["batch"])
    options = {
        "attention_mask": torch.ones_like(tokens),
        "max_new_tokens": task["tokens"],
        "min_new_tokens": task["tokens"],
        "do_sample": False,
        "use_cache": True,
        "pad_token_id": 0,
    }
    with torch.inference_mode():
        model.generate(tokens, **{**options, "max_new_tokens": 2, "min_new_tokens": 2})
        start = time.perf_counter()
        found = model.generate(tokens, **options)
        seconds = time.perf_counter() - start
    if found.shape != (task["batch"], len(task["prompt"]) + task["tokens"]):
        sys.exit(f"error: generate() gave texts of {tuple(found.shape)}")
    return seconds


def main() -> int:
    """Writes the seconds into the file that the command line names."""
    Path(sys.argv[2]).write_text(
        json.dumps({"seconds": seconds_of(json.loads(sys.argv[1]))}), encoding="utf-8"
    )
    return 0
