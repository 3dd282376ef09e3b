"""Plans a run and checks it in the clear before anything is encrypted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from aero.checkpoint.checkpoints import Checkpoint, load_weights
from aero.checkpoint.kinds import WEIGHTS
from aero.config.model import ModelConfig
from aero.core.errors import UsageError
from aero.private.program.folding import Folder
from aero.private.program.forward_pass import Program, build_program, one_hot
from aero.private.program.memory import check_memory
from aero.private.program.plain import Range, run_plain
from aero.private.program.ranges import check_ranges, headroom
from aero.private.program.settings import CLIENT, LARGEST_NUMBER, LARGEST_PRODUCT, Settings


@dataclass(frozen=True)
class Plan:
    """Holds what a run needs. `party` is None where both parties run on this machine."""

    checkpoint: Checkpoint
    settings: Settings
    party: int | None
    sequences: list[list[int]] | None  # of the client
    weights: Mapping[str, np.ndarray] | None  # of the server, folded
    program: Program
    plain: list[np.ndarray] | None  # logits, where both are here
    generate: int = 0  # tokens
    stop: int | None = None  # the token that ends a text
    plain_tokens: tuple[int, ...] = ()  # generated, where both are here

    def only(self, number: int) -> Plan:
        """Returns this plan for one of its sequences."""
        assert self.sequences is not None and self.plain is not None
        return replace(self, sequences=[self.sequences[number]], plain=[self.plain[number]])


def _try_plain(
    program: Program, weights: Mapping[str, np.ndarray], sequences: list[list[int]], words: int
) -> tuple[list[np.ndarray], list[list[Range]]]:
    runs = [
        run_plain(program, {**weights, "prompt": one_hot(tokens, words)}, watch=True)
        for tokens in sequences
    ]
    return [logits for logits, _ in runs], [ranges for _, ranges in runs]


def _generate_plain(
    config: ModelConfig,
    settings: Settings,
    weights: Mapping[str, np.ndarray],
    prompt: list[int],
    tokens: int,
    stop: int | None,
) -> tuple[int, ...]:
    """Returns the likeliest tokens. Raises AeroError where numbers leave the field on the way."""
    sequence, chosen = list(prompt), list[int]()
    while len(chosen) < tokens and (not chosen or chosen[-1] != stop):
        program = build_program(config, len(sequence), settings)
        logits, ranges = _try_plain(program, weights, [sequence], config.vocab_size)
        check_ranges(program, ranges[0], settings)
        chosen.append(int(np.argmax(logits[0][-1])))
        sequence.append(chosen[-1])
    return tuple(chosen)


def _load_weights_of_server(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    file = checkpoint.folder / WEIGHTS
    if not file.exists():
        raise UsageError(
            f"{file}: no such file; the server needs the weights (the client, --party {CLIENT}, "
            "does not)"
        )
    return load_weights(checkpoint)


def make_plan(
    checkpoint: Checkpoint,
    settings: Settings,
    sequences: list[list[int]] | None,
    party: int | None = None,
    say: Callable[[str], None] = print,
    generate: int = 0,
    stop: int | None = None,
) -> Plan:
    """Folds the weights, and checks memory and the range of numbers. Raises AeroError."""
    config = checkpoint.config
    length = len(sequences[0]) if sequences else config.context
    program = build_program(config, length, settings)
    say(f"checkpoint  {checkpoint.folder} {checkpoint.architecture}")
    weights = None
    if party != CLIENT:
        folder = Folder(config, _load_weights_of_server(checkpoint))
        weights = folder.fold()
        for number, note in enumerate(folder.notes):
            say(f"{'folded' if number == 0 else '':10}  {note}")
    longest = build_program(config, length + max(0, generate - 1), settings)
    need = check_memory(longest, longest.shapes(), settings, party)
    say(f"memory      about {need / 1e9:.1f} GB")
    plain: list[np.ndarray] | None = None
    plain_tokens: tuple[int, ...] = ()
    if weights is not None:
        # A server by itself does not see the prompt, so it tries tokens that it draws at random.
        drawn = np.random.default_rng(0).integers(0, config.vocab_size, (2, length)).tolist()
        plain, ranges = _try_plain(program, weights, sequences or drawn, config.vocab_size)
        for of_one in ranges:
            check_ranges(program, of_one, settings)
        product, number_ = map(max, zip(*(headroom(of_one) for of_one in ranges), strict=True))
        say(
            f"ranges      products up to {product:.3g} of {LARGEST_PRODUCT:.3g}, numbers up to "
            f"{number_:.3g} of {LARGEST_NUMBER:.3g}"
        )
        if generate > 0 and sequences:
            plain_tokens = _generate_plain(config, settings, weights, sequences[0], generate, stop)
    both = plain if party is None else None
    return Plan(
        checkpoint,
        settings,
        party,
        sequences,
        weights,
        program,
        both,
        generate,
        stop,
        plain_tokens,
    )
