"""Runs one of the two processes: shares, set-up, the stages, the logits for the client."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from aero.checkpoint.tokenizer_identity import TokenizerIdentity, require_same_tokenizer
from aero.config.model import ModelConfig
from aero.core.errors import AeroError, UsageError
from aero.private.program.forward_pass import Stage, build_program, one_hot
from aero.private.program.memory import working_memory
from aero.private.program.settings import CLIENT, SERVER, Settings
from aero.private.run.allocator import take_memory
from aero.private.run.meeting import meet, split_address
from aero.private.run.profile import Profile, Traffic
from aero.private.run.session import Session

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """Holds one party's part: the client's `sequences`, of one length; the server's `weights`."""

    rank: int
    addresses: tuple[str, str]
    settings: Settings
    config: ModelConfig
    log: Path
    sequences: list[list[int]] | None = None
    weights: Mapping[str, np.ndarray] | None = None
    patience: float = 60
    generate: int = 0  # tokens that the client wants after its one sequence
    stop: int | None = None  # the token that ends a text
    tokenizer: str = ""  # its hash, to compare with the other party's


@dataclass
class TokenPass:
    """Holds a pass over `length` tokens and the next token, which the client alone knows."""

    length: int
    token: int | None
    total: Traffic


@dataclass
class Outcome:
    """Holds the outcome of one party.

    The profiles of stages are in the order of the program, each summed over all sequences.
    """

    rank: int = CLIENT
    length: int = 0  # tokens of a pass
    stages: list[Profile] = field(default_factory=list)
    setup: Profile = field(default_factory=Profile)
    logits: list[np.ndarray] = field(default_factory=list)  # the client's
    seconds: float = 0.0  # of the stages of all sequences
    memory_bytes: float = 0.0  # taken beforehand, by both parties
    memory_seconds: float = 0.0
    weight_share_bytes: int = 0  # sent from the server to the client, or back
    prompt_share_bytes: int = 0  # of all sequences, both directions
    logit_share_bytes: int = 0
    peer_messages: list[int] = field(default_factory=list)  # the other's, by stage
    generated: list[TokenPass] = field(default_factory=list)  # the first is the pass of `stages`


def program_digest(config: ModelConfig, settings: Settings) -> str:
    """Hashes what both parties must agree on."""
    text = json.dumps([dataclasses.asdict(config), dataclasses.asdict(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def watched_peer(
    address: str, interval: float = 5.0, misses: int = 3, patience: float = 20.0
) -> Iterator[None]:
    """Ends this process when nobody listens at the peer's address any more.

    SPU itself would wait for the next message until its time-out. `patience` is long because a slow
    line may be full of the run's own bytes. Where only the peer's process is gone, its machine
    refuses at once.
    """
    done = threading.Event()

    def watch() -> None:
        missed = 0
        while not done.wait(interval):
            try:
                socket.create_connection(split_address(address), timeout=patience).close()
                missed = 0
            except OSError:
                missed += 1
            if missed >= misses and not done.is_set():
                print(
                    f"error: the other party at {address} cannot be reached any more; see its own "
                    f"messages, then start both again",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(UsageError.status)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


@dataclass(frozen=True)
class Agreed:
    """Holds the client's numbers: sequences, tokens of each, and tokens to generate."""

    sequences: int
    length: int
    generate: int

    @property
    def longest(self) -> int:
        """Returns the number of tokens of the longest pass."""
        return self.length + max(0, self.generate - 1)


def _agree(session: Session, job: Job) -> Agreed:
    mine: dict[str, Any] = {
        "digest": program_digest(job.config, job.settings),
        "tokenizer": job.tokenizer,
    }
    if job.sequences is not None:
        length = len(job.sequences[0])
        mine |= {"sequences": len(job.sequences), "length": length, "generate": job.generate}
    theirs = session.exchange(mine)
    if theirs["digest"] != mine["digest"]:
        raise UsageError(
            "the parties differ in the model's config, in --weights, --precision or --threads; "
            "give both the same config.json and the same options"
        )
    hashes = (mine["tokenizer"], theirs.get("tokenizer", ""))
    client, server = hashes if job.rank == CLIENT else hashes[::-1]
    require_same_tokenizer(
        TokenizerIdentity(client, "the client"),
        TokenizerIdentity(server, "the server"),
        "give the client the tokenizer.json of the server's run, or --other-tokenizer where the "
        "difference is meant",
    )
    both = mine | theirs
    return Agreed(both["sequences"], both["length"], both["generate"])


def warm_up(session: Session) -> Profile:
    """Makes keys and the first oblivious transfers, which later runs draw on."""
    numbers = np.linspace(-1, 1, 4096, dtype=np.float32)
    matrix = numbers[:1024].reshape(32, 32)
    profile = Profile()
    start = time.perf_counter()
    for owner, name in ((CLIENT, "warm0"), (SERVER, "warm1")):
        session.put(name, owner, numbers if session.rank == owner else None)
        session.put(name + "m", owner, matrix if session.rank == owner else None)
    add = session.compile("warm add", jnp.add, [numbers, numbers])
    profile.add(session.run(add, ["warm0", "warm1"], ["warm"]))
    relu = session.compile("warm relu", lambda x: jnp.maximum(x, 0), [numbers])
    multiply = session.compile("warm multiply", jnp.multiply, [numbers, numbers])
    product = session.compile("warm product", jnp.matmul, [matrix, matrix])
    profile.add(session.run(relu, ["warm"], ["warm r"]))
    profile.add(session.run(multiply, ["warm", "warm"], ["warm r"]))
    profile.add(session.run(multiply, ["warm", "warm1"], ["warm r"]))
    add = session.compile("warm add m", jnp.add, [matrix, matrix])
    profile.add(session.run(add, ["warm0m", "warm1m"], ["warmm"]))
    profile.add(session.run(product, ["warmm", "warmm"], ["warm r"]))
    profile.add(session.run(product, ["warmm", "warm1m"], ["warm r"]))
    profile.add(session.run(product, ["warm0m", "warm1m"], ["warm r"]))
    for name in ("warm0", "warm1", "warm0m", "warm1m", "warm", "warmm", "warm r"):
        session.delete(name)
    profile.total.seconds = time.perf_counter() - start
    return profile


def _compile(session: Session, stage: Stage, shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    inputs = [shapes[name] for name in stage.inputs]
    arrays = [np.zeros(shape, dtype=np.float32) for shape in inputs]
    return session.compile((stage.key, *inputs), stage.function, arrays)


class _Passes:
    """Runs the model over sequences of any length.

    Weights are shared once. Only those that depend on the length, as positions do, are shared again
    for each length.
    """

    def __init__(self, session: Session, job: Job, outcome: Outcome, progress: Progress) -> None:
        self._session, self._job, self._outcome = session, job, outcome
        self._progress = progress
        self._shared: dict[str, tuple[int, ...]] = {}

    def compile(self, length: int) -> None:
        """Compiles the program for passes of this length."""
        self._progress("compilation")
        self.program = build_program(self._job.config, length, self._job.settings)
        shapes = self.program.shapes()
        self._codes = [_compile(self._session, stage, shapes) for stage in self.program.stages]

    def share_weights(self) -> None:
        session, weights = self._session, self._job.weights
        before = session.moved_outside
        for name, value in self.program.inputs.items():
            if value.owner != SERVER or self._shared.get(name) == value.shape:
                continue
            self._progress("shares of the weights")
            if name in self._shared:
                session.delete(name)
            own = None if weights is None else weights[name][: value.shape[0]]
            session.put(name, SERVER, own)
            self._shared[name] = value.shape
        self._outcome.weight_share_bytes += session.moved_outside - before

    def run(self, sequence: list[int] | None) -> tuple[list[Profile], np.ndarray | None]:
        """Returns a profile for each stage, and to the client, who has the sequence, the logits."""
        session, outcome = self._session, self._outcome
        before = session.moved_outside
        own = None if sequence is None else one_hot(sequence, self._job.config.vocab_size)
        session.put("prompt", CLIENT, own)
        outcome.prompt_share_bytes += session.moved_outside - before
        profiles = self._run_stages()
        before = session.moved_outside
        logits = session.reveal("logits", CLIENT)
        outcome.logit_share_bytes += session.moved_outside - before
        session.delete("logits")
        return profiles, logits

    def _run_stages(self) -> list[Profile]:
        last_uses, profiles = self.program.last_uses(), []
        for index, (stage, code) in enumerate(zip(self.program.stages, self._codes, strict=True)):
            self._progress(stage.label)
            try:
                profiles.append(self._session.run(code, stage.inputs, [stage.output]))
            except AeroError as error:
                raise type(error)(f"{stage.label}: {error}") from error
            for name in last_uses.get(index, []):
                self._session.delete(name)
        return profiles


def total_of(profiles: list[Profile]) -> Traffic:
    """Sums the traffic of a pass."""
    total = Traffic()
    for profile in profiles:
        total += profile.total
    return total


def _take_memory(session: Session, job: Job, length: int, outcome: Outcome) -> None:
    """Takes the memory that the longest pass needs."""
    program = build_program(job.config, length, job.settings)
    size, _ = working_memory(program, program.shapes(), job.settings, job.rank)
    start = time.perf_counter()
    take_memory(size)
    mine = {"bytes": size, "seconds": time.perf_counter() - start}
    # The exchange also waits for the other party, so that the set-up's time does not.
    theirs = session.exchange(mine)
    outcome.memory_bytes = mine["bytes"] + theirs["bytes"]
    outcome.memory_seconds = max(mine["seconds"], theirs["seconds"])


def _generate(
    session: Session, job: Job, passes: _Passes, agreed: Agreed, outcome: Outcome
) -> None:
    """Appends the likeliest token after each pass and runs the next, until the client ends it."""
    tokens = None if job.sequences is None else list(job.sequences[0])
    profiles, logits = outcome.stages, outcome.logits[0] if outcome.logits else None
    for length in range(agreed.length, agreed.longest + 1):
        if length > agreed.length:
            passes.compile(length)
            passes.share_weights()
            profiles, logits = passes.run(tokens)
        token = None if logits is None else int(np.argmax(logits[-1]))
        outcome.generated.append(TokenPass(length, token, total_of(profiles)))
        ends = session.exchange({"ends": token is not None and token == job.stop})["ends"]
        if ends or (token is not None and token == job.stop):
            return
        if tokens is not None and token is not None:
            tokens.append(token)


def run_party(job: Job, progress: Progress = lambda stage: None) -> Outcome:
    """Runs this party to its end; both run at once, each with its own job. Raises AeroError."""
    meet(job.addresses, job.rank, job.patience)
    outcome = Outcome(job.rank)
    with watched_peer(job.addresses[1 - job.rank]):
        session = Session(job.rank, job.addresses, job.settings, job.log)
        agreed = _agree(session, job)
        outcome.length = agreed.length
        progress("memory")
        _take_memory(session, job, agreed.longest, outcome)
        passes = _Passes(session, job, outcome, progress)
        passes.compile(agreed.length)
        progress("set-up")
        outcome.setup = warm_up(session)
        passes.share_weights()
        outcome.stages = [Profile() for _ in passes.program.stages]
        for number in range(agreed.sequences):
            profiles, logits = passes.run(job.sequences[number] if job.sequences else None)
            for stage, profile in zip(outcome.stages, profiles, strict=True):
                stage.add(profile)
                outcome.seconds += profile.total.seconds
            if logits is not None:
                outcome.logits.append(logits)
        messages = [profile.total.messages for profile in outcome.stages]
        outcome.peer_messages = session.exchange({"messages": messages})["messages"]
        # The outcome counts the shares of the passes above alone.
        shares = outcome.prompt_share_bytes, outcome.logit_share_bytes
        if agreed.generate > 0:
            _generate(session, job, passes, agreed, outcome)
        outcome.prompt_share_bytes, outcome.logit_share_bytes = shares
        session.close()
    return outcome
