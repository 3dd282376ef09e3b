#!/usr/bin/env python3
"""Makes the reference tensors of tests/golden, or checks that they are still what it makes.

Each file holds one tiny model with random weights: logits, loss and every gradient of one batch,
then losses, gradient norms and weights of ten AdamW steps with clipping. What transformers has is
computed by transformers; the rest by the decoder in aero_reference, which agrees with transformers
where both can speak. Nothing is downloaded. tests/golden/README.md says what a file holds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from aero_reference import huggingface
from aero_reference.decoder import Decoder, ModelConfig
from aero_reference.training import make_optimizer

STEPS = 10
CLIP = 1.0
DTYPES = {"float32": torch.float32, "float64": torch.float64}
# The gradient of a key's bias is zero but for rounding, since softmax ignores it (where rotary
# embedding does not turn it). Adam divides that noise by its own size, so only a larger eps keeps
# float32 implementations comparable.
EPS = {"float32": 1e-4, "float64": 1e-8}
# Between processors, whose kernels add in other orders, up to 3e-6 and 9e-12 are seen.
CHECK_TOLERANCE = {"float32": 5e-6, "float64": 5e-11}
AGREEMENT = {"float32": 1e-5, "float64": 1e-10}
LOGITS_AGREEMENT = {"float32": 1e-5, "float64": 1e-12}

Trace = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """One model; `by_transformers` where transformers has it."""

    name: str
    model: ModelConfig
    batch_size: int
    by_transformers: bool = False


def gpt2(**keys: object) -> ModelConfig:
    """A tiny GPT-2, with the given keys changed."""
    base = {"family": "gpt2", "n_layer": 2, "n_head": 3, "d_model": 12, "context": 16}
    return _explicit(ModelConfig(**(base | {"vocab_size": 61} | keys)))  # type: ignore[arg-type]


def pythia(**keys: object) -> ModelConfig:
    """A tiny Pythia, with the given keys changed."""
    base = {"family": "pythia", "n_layer": 2, "n_head": 2, "d_model": 16, "context": 16}
    base |= {"vocab_size": 61, "activation": "gelu", "tied_head": False, "parallel_residual": True}
    return _explicit(ModelConfig(**(base | keys)))  # type: ignore[arg-type]


def _explicit(config: ModelConfig) -> ModelConfig:
    """No key left to a default that depends on another key."""
    positions = config.position_rows if config.family == "gpt2" else 0
    return dataclasses.replace(config, d_ffn=config.ffn_width, positions=positions)


def cases() -> list[Case]:
    """All cases; the place in the list is the seed."""
    bare = {"norm": "none", "biases": "qk"}
    leaky = bare | {"activation": "leaky_relu"}
    bare_pythia = {"norm": "none", "final_norm": False, "activation": "none"}
    no_bias = {"biases": "none", "norm_bias": False}
    rms = {"norm": "rmsnorm", "norm_bias": False}
    large = {"n_head": 4, "d_model": 16, "vocab_size": 67}
    return [
        Case("gpt2_gelu_tanh", gpt2(**large, positions=20), 3, by_transformers=True),
        Case("gpt2_gelu", gpt2(activation="gelu", vocab_size=97), 2, by_transformers=True),
        Case("gpt2_relu", gpt2(activation="relu"), 2, by_transformers=True),
        Case("pythia_parallel", pythia(), 3, by_transformers=True),
        Case(
            "pythia_sequential",
            pythia(rotary_fraction=1.0, parallel_residual=False),
            2,
            by_transformers=True,
        ),
        Case("authors_relu", gpt2(**bare, activation="relu", positions=24), 3),
        Case("authors_gelu", gpt2(**bare, activation="gelu", positions=24), 2),
        Case("rmsnorm", gpt2(**rms, activation="gelu"), 2),
        Case("leaky_layer", gpt2(**leaky, leaky_slope="layer"), 2),
        Case("leaky_model", gpt2(**leaky, leaky_slope="model"), 2),
        Case("leaky_fixed", gpt2(**leaky, leaky_slope="fixed", leaky_init=0.1), 2),
        Case("no_activation", gpt2(activation="none"), 2),
        Case("no_final_norm", gpt2(**bare, activation="relu", final_norm=False), 2),
        Case("no_biases", gpt2(**no_bias, tied_head=False), 2),
        Case(
            "pythia_bare",
            pythia(**no_bias, **bare_pythia, rotary_fraction=0.5),
            2,
        ),
    ]


def initial_parameters(case: Case, seed: int) -> dict[str, Tensor]:
    """Large random values, so that every nonlinearity, gain, bias and slope leaves its mark.

    Uniform ones: their bits, unlike those of torch.randn, are the same on every processor.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, parameter in sorted(Decoder(case.model).named_parameters()):
        noise = (2 * torch.rand(parameter.shape, generator=generator) - 1) * math.sqrt(3)
        if name.endswith("slope"):
            parameters[name] = 0.2 + 0.05 * noise
        elif "norm" in name and name.endswith("weight"):
            parameters[name] = 1.0 + 0.2 * noise
        elif name in ("tokens.weight", "positions.weight"):
            parameters[name] = 0.4 * noise
        else:
            parameters[name] = 0.2 * noise
    return parameters


def optimizer_section(dtype: str) -> dict[str, object]:
    """The section "optimizer" of an AERO config."""
    return {
        "name": "adamw",
        "lr": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": EPS[dtype],
        "weight_decay": 0.1,
    }


def record(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    logits: Callable[[Tensor], Tensor],
    ours: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    batches: Tensor,
) -> Trace:
    """Trains `model` for ten steps.

    `ours` translates a dictionary by the model's parameter names to AERO's names.
    """

    def loss_of(batch: Tensor) -> tuple[Tensor, Tensor]:
        output = logits(batch[:, :-1])
        return output, functional.cross_entropy(output.flatten(0, 1), batch[:, 1:].flatten())

    trace: Trace = {}
    losses, norms = [], []
    for step, batch in enumerate(batches):
        output, loss = loss_of(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if step == 0:
            gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
            trace["logits"], trace["loss"] = output.detach(), loss.detach()
            trace |= {f"grad/{name}": tensor for name, tensor in ours(gradients).items()}
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), CLIP))
        losses.append(loss.detach())
        optimizer.step()
    trace["step_loss"], trace["step_grad_norm"] = torch.stack(losses), torch.stack(norms)
    after = {name: p.detach() for name, p in model.named_parameters()}
    trace |= {f"after/{name}": tensor for name, tensor in ours(after).items()}
    return trace


def by_decoder(
    case: Case, dtype: str, eps_of: str, init: Mapping[str, Tensor], batches: Tensor, fused: bool
) -> Trace:
    """The trace of the reference decoder, with the optimizer of the files of type `eps_of`."""
    model = Decoder(case.model, fused_attention=fused).to(DTYPES[dtype])
    model.load_state_dict(init)
    optimizer = make_optimizer(model, optimizer_section(eps_of))
    return record(model, optimizer, model, dict, batches)


def transformers_attention(case: Case, dtype: str) -> str:
    """GPT-NeoX's eager attention takes its softmax in float32 whatever the model's type is."""
    return "sdpa" if case.model.family == "pythia" and dtype == "float64" else "eager"


def by_transformers(
    case: Case, dtype: str, init: Mapping[str, Tensor], batches: Tensor
) -> tuple[Trace, str]:
    """The trace, and the words that say where it comes from."""
    attention = transformers_attention(case, dtype)
    model = huggingface.build(case.model, attention).to(DTYPES[dtype])
    model.load_state_dict(huggingface.to_huggingface(case.model, init))
    section = optimizer_section(dtype)
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=section["lr"], betas=(0.9, 0.999), eps=section["eps"])
    trace = record(
        model,
        optimizer,
        lambda tokens: model(input_ids=tokens).logits,
        lambda tensors: huggingface.from_huggingface(case.model, tensors),
        batches,
    )
    source = f"transformers {transformers.__version__} {type(model).__name__} {attention} attention"
    return trace, source


def error(reference: Trace, other: Trace) -> dict[str, float]:
    """Each tensor's largest difference over its largest entry.

    The scale is at least a hundredth of the largest entry of the tensor's group (the gradients, the
    weights afterwards), for gradients that are zero but for rounding.
    """
    group_scale: dict[str, float] = {}
    for name, tensor in reference.items():
        group = name.split("/")[0]
        group_scale[group] = max(group_scale.get(group, 0.0), float(tensor.abs().max()))
    errors = {}
    for name, tensor in reference.items():
        scale = max(float(tensor.abs().max()), 1e-2 * group_scale[name.split("/")[0]])
        difference = float((tensor.double() - other[name].double()).abs().max())
        errors[name] = difference / scale if scale > 0 else difference
    return errors


def agree(case: Case, dtype: str, what: str, reference: Trace, other: Trace) -> float:
    """The largest error. Exits when a second computation does not confirm the first."""
    errors = error(reference, other)
    for name, value in errors.items():
        limit = (LOGITS_AGREEMENT if name == "logits" else AGREEMENT)[dtype]
        if not value <= limit:
            sys.exit(f"{case.name}.{dtype}: {name} differs by {value:.1e} from {what} ({limit})")
    return max(errors.values())


def make(case: Case, number: int, dtype: str) -> tuple[Trace, dict[str, str], dict[str, float]]:
    """The tensors of a file, its metadata, and how well other computations agree with them."""
    generator = torch.Generator().manual_seed(1000 + number)
    shape = (STEPS, case.batch_size, case.model.context + 1)
    batches = torch.randint(case.model.vocab_size, shape, generator=generator)
    init = {k: v.to(DTYPES[dtype]) for k, v in initial_parameters(case, number).items()}
    explicit = by_decoder(case, dtype, dtype, init, batches, fused=False)
    fused = by_decoder(case, dtype, dtype, init, batches, fused=True)
    agreement = {}
    if case.by_transformers:
        trace, source = by_transformers(case, dtype, init, batches)
        agreement["decoder"] = agree(case, dtype, "the reference decoder", trace, explicit)
    else:
        trace, source = explicit, f"torch {torch.__version__.split('+')[0]} reference decoder"
    agreement["fused attention"] = agree(case, dtype, "fused attention", trace, fused)
    if dtype == "float32":
        wide = {k: v.double() for k, v in init.items()}
        exact = by_decoder(case, "float64", dtype, wide, batches, fused=False)
        agreement["float64"] = agree(case, dtype, "float64", trace, exact)
    if not (trace["step_grad_norm"] > CLIP).any():
        sys.exit(f"{case.name}.{dtype}: no step is clipped")
    tensors = {"batches": batches} | {f"init/{k}": v for k, v in init.items()} | trace
    metadata = {
        "config": json.dumps(dataclasses.asdict(case.model), sort_keys=True),
        "optimizer": json.dumps(optimizer_section(dtype) | {"clip": CLIP}, sort_keys=True),
        "source": source,
    }
    return tensors, metadata, agreement


def write_safetensors(path: Path, tensors: Trace, metadata: Mapping[str, str]) -> None:
    """As safetensors.torch.save_file, but with the header's keys in one order every time."""
    names = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    payload = bytearray()
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        first = len(payload)
        payload += tensor.contiguous().numpy().tobytes()
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [first, len(payload)],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + payload)


def faults(path: Path, tensors: Trace, metadata: Mapping[str, str], limit: float) -> Iterator[str]:
    """In what a stored file differs from freshly made tensors."""
    if not path.is_file():
        yield "the file is missing"
        return
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for key, value in metadata.items():
            if (file.metadata() or {}).get(key) != value:
                yield f"metadata {key!r} differs"
    for name in sorted(stored.keys() ^ tensors.keys()):
        yield f"tensor {name} is only in {'the file' if name in stored else 'the fresh set'}"
    common = {name: tensor for name, tensor in tensors.items() if name in stored}
    for name, tensor in list(common.items()):
        if stored[name].shape != tensor.shape or stored[name].dtype != tensor.dtype:
            yield f"tensor {name} has another shape or type"
            del common[name]
    for name, value in error(common, stored).items():
        if not value <= limit:
            yield f"tensor {name} differs by {value:.1e} (allowed: {limit:.0e})"


def main() -> int:
    """Exit status 1 where --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parent.parent / "tests" / "golden"
    parser.add_argument("--out", type=Path, default=default, help="folder (default: tests/golden)")
    parser.add_argument("--only", metavar="CASE", help="one case alone")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    jobs = [
        (number, case, dtype)
        for number, case in enumerate(cases())
        for dtype in DTYPES
        if arguments.only in (None, case.name)
    ]
    if not jobs:
        parser.error(f"unknown case {arguments.only!r}: {', '.join(c.name for c in cases())}")
    found = False
    for number, case, dtype in tqdm(jobs, unit="file", disable=None):
        tensors, metadata, agreement = make(case, number, dtype)
        path = arguments.out / f"{case.name}.{dtype}.safetensors"
        if arguments.check:
            for fault in faults(path, tensors, metadata, CHECK_TOLERANCE[dtype]):
                found = True
                tqdm.write(f"{path}: {fault}")
        else:
            arguments.out.mkdir(parents=True, exist_ok=True)
            write_safetensors(path, tensors, metadata)
            words = ", ".join(f"{what} {value:.1e}" for what, value in agreement.items())
            tqdm.write(f"{path.name}: largest difference from {words}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
