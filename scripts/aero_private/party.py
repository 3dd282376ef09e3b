"""What one of the two processes does: shares, set-up, the stages, the logits for the client."""

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

from aero_reference.config import ModelConfig

from .allocator import take_memory
from .errors import USAGE, PrivateError
from .meeting import meet, split_address
from .memory import working_memory
from .profile import Profile
from .program import Program, Stage, build_program, one_hot
from .session import Session
from .settings import CLIENT, SERVER, Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """The client has `sequences` of tokens, all of one length; the server has folded `weights`."""

    rank: int
    addresses: tuple[str, str]
    settings: Settings
    config: ModelConfig
    log: Path
    sequences: list[list[int]] | None = None
    weights: Mapping[str, np.ndarray] | None = None
    patience: float = 60


@dataclass
class Outcome:
    """Of one party. Profiles of stages are in the order of the program, over all sequences."""

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


def program_digest(config: ModelConfig, settings: Settings) -> str:
    """What both parties must agree on."""
    text = json.dumps([dataclasses.asdict(config), dataclasses.asdict(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def watched_peer(
    address: str, interval: float = 5.0, misses: int = 3, patience: float = 20.0
) -> Iterator[None]:
    """Ends this process when nobody listens at the peer's address any more.

    SPU itself would wait for the next message until its time-out. A slow line may be full of the
    run's own bytes, hence the patience; who is gone from a machine that is there refuses at once.
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
                    f"error: the other party at {address} went away; see its own messages, then "
                    f"start both again",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(USAGE)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _agree(session: Session, job: Job) -> tuple[int, int]:
    """How many sequences of how many tokens."""
    mine: dict[str, Any] = {"digest": program_digest(job.config, job.settings)}
    if job.sequences is not None:
        mine |= {"sequences": len(job.sequences), "length": len(job.sequences[0])}
    theirs = session.exchange(mine)
    if theirs["digest"] != mine["digest"]:
        raise PrivateError(
            "the parties differ in the model's config, in --weights, --precision or --threads; "
            "give both the same config.json and the same options"
        )
    both = mine | theirs
    return both["sequences"], both["length"]


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


def _run_stages(
    session: Session, program: Program, codes: list[bytes], outcome: Outcome, progress: Progress
) -> None:
    last_uses = program.last_uses()
    for index, (stage, code) in enumerate(zip(program.stages, codes, strict=True)):
        progress(stage.label)
        try:
            profile = session.run(code, stage.inputs, [stage.output])
        except PrivateError as error:
            raise PrivateError(f"{stage.label}: {error}") from error
        outcome.stages[index].add(profile)
        outcome.seconds += profile.total.seconds
        for name in last_uses.get(index, []):
            session.delete(name)


def run_party(job: Job, progress: Progress = lambda stage: None) -> Outcome:
    """Both parties at once, each with its own job. Raises PrivateError."""
    meet(job.addresses, job.rank, job.patience)
    outcome = Outcome(job.rank)
    with watched_peer(job.addresses[1 - job.rank]):
        session = Session(job.rank, job.addresses, job.settings, job.log)
        count, length = _agree(session, job)
        program = build_program(job.config, length, job.settings)
        outcome.length = length
        outcome.stages = [Profile() for _ in program.stages]
        shapes = program.shapes()
        progress("memory")
        size, _ = working_memory(program, shapes, job.settings, job.rank)
        start = time.perf_counter()
        take_memory(size)
        mine = {"bytes": size, "seconds": time.perf_counter() - start}
        # Also so that the set-up is not the wait for the other.
        theirs = session.exchange(mine)
        outcome.memory_bytes = mine["bytes"] + theirs["bytes"]
        outcome.memory_seconds = max(mine["seconds"], theirs["seconds"])
        progress("compilation")
        codes = [_compile(session, stage, shapes) for stage in program.stages]
        progress("set-up")
        outcome.setup = warm_up(session)

        before = session.moved_outside
        for name, value in program.inputs.items():
            if value.owner == SERVER:
                progress("shares of the weights")
                own = None if job.weights is None else job.weights[name][: value.shape[0]]
                session.put(name, SERVER, own)
        outcome.weight_share_bytes = session.moved_outside - before

        for number in range(count):
            before = session.moved_outside
            own = None
            if job.sequences is not None:
                own = one_hot(job.sequences[number], job.config.vocab_size)
            session.put("prompt", CLIENT, own)
            outcome.prompt_share_bytes += session.moved_outside - before
            _run_stages(session, program, codes, outcome, progress)
            before = session.moved_outside
            logits = session.reveal("logits", CLIENT)
            outcome.logit_share_bytes += session.moved_outside - before
            session.delete("logits")
            if logits is not None:
                outcome.logits.append(logits)
        messages = [profile.total.messages for profile in outcome.stages]
        outcome.peer_messages = session.exchange({"messages": messages})["messages"]
        session.close()
    return outcome
