#!/usr/bin/env python3
"""Makes the reference tensors of tests/golden, or checks that they are still what it makes.

Each file holds one tiny model with random weights: logits, loss and every gradient of one batch,
attention's row entropies where the case is about them, then losses, gradient norms and weights of
ten AdamW steps with clipping. What transformers has is
computed by transformers; the rest by the decoder in aero.reference, which agrees with transformers
where both can speak. Nothing is downloaded. tests/golden/README.md says what a file holds.

Example:
  scripts/make_golden.py --check --only gpt2_gelu
"""

from __future__ import annotations

from aero.core import signals as aero_signals  # noqa: F401  (before all else)

# isort: split
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
from typing import NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"

try:
    import torch
    import transformers
    from safetensors import safe_open
    from torch import Tensor, nn
    from torch.nn import functional
    from tqdm import tqdm

    from aero.config.model import EregConfig, ModelConfig, NormFixedConfig
    from aero.core.command import run_command
    from aero.core.files import write_whole
    from aero.core.options import Parser
    from aero.reference import huggingface
    from aero.reference.decoder import Decoder
    from aero.reference.linear import SpectralNormLinear, power_iteration
    from aero.reference.norm import FixedLayerNorm
    from aero.reference.training import make_optimizer
except ModuleNotFoundError as error:
    sys.exit(
        f"error: the Python package {error.name} is missing; run this with build/venv/bin/python, "
        "which scripts/setup.sh makes"
    )

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

# Of parameters with these last names: a centre, and the standard deviation of the noise around it.
CENTRE_AND_SPREAD = {
    "slope": (0.2, 0.05),
    "gain": (0.7, 0.15),
    "alpha": (1.5, 0.2),
    "beta": (0.8, 0.1),
    "gamma": (1.0, 0.2),
    "value_gain": (1.2, 0.1),
    "value_skip": (0.9, 0.1),
    "attention_gain": (1.1, 0.1),
    "skip_gain": (0.9, 0.1),
    "ffn_gain": (0.5, 0.1),
    "thresholds": (0.5, 0.2),
}

Trace = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """One model; `by_transformers` where transformers has it. `entropy`: its rows are kept. `gate`:
    of fixed norms; `fresh_norms`: those whose average has not begun.
    """

    name: str
    model: ModelConfig
    batch_size: int
    by_transformers: bool = False
    entropy: bool = False
    gate: float = 1.0
    fresh_norms: str | None = None


class Forward(NamedTuple):
    """What a model says of [B, T] tokens; the entropy and the penalty where they are kept."""

    logits: Tensor
    entropy: Tensor | None = None
    penalty: Tensor | None = None


def gpt2(**keys: object) -> ModelConfig:
    """A tiny GPT-2, with the given keys changed."""
    base = {"family": "gpt2", "n_layer": 2, "n_head": 3, "d_model": 12, "context": 16}
    return _explicit(ModelConfig(**(base | {"vocab_size": 61} | keys)))  # type: ignore[arg-type]


def pythia(**keys: object) -> ModelConfig:
    """A tiny Pythia, with the given keys changed."""
    base = {"family": "pythia", "n_layer": 2, "n_head": 2, "d_model": 16, "context": 16}
    base |= {"vocab_size": 61, "activation": "gelu", "tied_head": False, "parallel_residual": True}
    return _explicit(ModelConfig(**(base | keys)))  # type: ignore[arg-type]


def simplified(**keys: object) -> ModelConfig:
    """A tiny block of He and Hofmann's, with the given keys changed."""
    base = {"family": "simplified", "n_layer": 3, "norm": "rmsnorm", "activation": "relu"}
    return gpt2(**(base | {"norm_bias": False, "biases": "qk", "ffn_scaled": True} | keys))


def _explicit(config: ModelConfig) -> ModelConfig:
    """No key left to a default that depends on another key."""
    positions = 0 if config.family == "pythia" else config.position_rows
    d_ffn = 0 if config.ffn_fused else config.ffn_width
    return dataclasses.replace(config, d_ffn=d_ffn, positions=positions)


def cases() -> list[Case]:
    """All cases; the place in the list is the seed."""
    return [*plain_cases(), *remedy_cases(), *simplified_cases(), *substitute_cases()]


def plain_cases() -> list[Case]:
    """Decoders of the nonlinearity ablation."""
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


def remedy_cases() -> list[Case]:
    """What AERO puts in place of norms and activations, and takes away after that."""
    bare = {"norm": "none", "activation": "none", "final_norm": False}
    scaled = bare | {"ffn_scaled": True}
    fused = scaled | {"ffn_fused": True}
    cooled = {"temperature": "exp"}

    def case(name: str, model: ModelConfig, batch_size: int = 2) -> Case:
        return Case(name, model, batch_size, entropy=True)

    return [
        case("scaled", gpt2(**scaled)),
        case("fused", gpt2(**fused)),
        case("fused_pruned", gpt2(**fused, n_layer=3, ffn_pruned=1)),
        case("pruned_first", gpt2(activation="relu", ffn_pruned_layers=(0,))),
        case("weight_norm", gpt2(**bare, biases="qk", ffn_form="weight_norm")),
        case("spectral_norm", gpt2(**bare, biases="qk", ffn_form="spectral_norm")),
        case(
            "forms",
            gpt2(
                **bare,
                qk_form="weight_norm",
                v_form="spectral_norm",
                o_form="weight_norm",
                ffn_form="spectral_norm",
            ),
        ),
        case(
            "pythia_forms",
            pythia(
                **(fused | {"final_norm": True}),
                n_layer=3,
                ffn_pruned=1,
                qk_form="spectral_norm",
                v_form="weight_norm",
                o_form="spectral_norm",
                ffn_form="weight_norm",
            ),
        ),
        case("temperature_raw", gpt2(**bare, temperature="raw")),
        case(
            "temperature_exp", gpt2(**fused, **cooled, n_head=3, d_model=15, attention_scaled=False)
        ),
        case("temperature_softplus", gpt2(temperature="softplus")),
        case("ereg_mean", gpt2(**fused, **cooled, ereg=ereg("mean", 0.5))),
        case(
            "ereg_row_sum",
            gpt2(**fused, n_head=2, d_model=38, context=24, ereg=ereg("row_sum", 0.01)),
        ),
        case("pythia_ereg", pythia(**fused, **cooled, n_layer=3, ereg=ereg("mean", 0.5))),
    ]


def simplified_cases() -> list[Case]:
    """He and Hofmann's block."""
    bare = {"norm": "none", "activation": "none", "norm_bias": True, "final_norm": False}
    pruned = bare | {"ffn_fused": True, "ffn_pruned": 1}
    return [
        Case("simplified", simplified(), 2, entropy=True),
        Case("simplified_bare", simplified(**bare), 2, entropy=True),
        Case("simplified_pruned", simplified(**pruned), 2, entropy=True),
        Case("simplified_parallel", simplified(parallel_residual=True), 2, entropy=True),
        Case(
            "simplified_ereg",
            simplified(**pruned, temperature="softplus", ereg=ereg("mean", 0.5)),
            2,
            entropy=True,
        ),
    ]


def substitute_cases() -> list[Case]:
    """What other papers on private inference put in place of softmax, GELU and LayerNorm."""
    fused = {"norm": "none", "activation": "none", "final_norm": False}
    fused |= {"ffn_scaled": True, "ffn_fused": True}
    two_quad = {"attention": "two_quad"}
    per_head = {"temperature": "exp", "temperature_shape": "head"}
    fixed = {"norm": "layernorm_fixed", "activation": "gelu"}

    def case(name: str, model: ModelConfig, **keys: object) -> Case:
        return Case(name, model, 2, entropy=True, **keys)  # type: ignore[arg-type]

    return [
        case("two_quad", gpt2(**two_quad, activation="gelu")),
        case("two_quad_quadratic", gpt2(**two_quad, activation="quadratic")),
        case("two_quad_ereg", gpt2(**fused, **two_quad, **per_head, ereg=ereg("mean", 0.5))),
        case("pythia_two_quad", pythia(**two_quad, two_quad_shift=1.5, temperature="softplus")),
        case("relu_attention", gpt2(attention="relu", activation="gelu")),
        case("temperature_head", gpt2(**fused, **per_head)),
        case("norm_fixed_half", gpt2(**fixed), gate=0.5),
        case(
            "norm_fixed_average",
            gpt2(**fixed, norm_fixed=NormFixedConfig(momentum=0.9)),
            fresh_norms="norm1",
        ),
        case(
            "norm_fixed_linear",
            gpt2(
                attention="relu",
                activation="quadratic",
                norm="layernorm_fixed",
                norm_bias=False,
                temperature="softplus",
                temperature_shape="head",
            ),
            gate=0.0,
        ),
    ]


def ereg(reduction: str, weight: float) -> EregConfig:
    """Entropy regularisation with lambda = `weight`."""
    return EregConfig(enabled=True, lambda_=weight, gamma=0.15, reduction=reduction)


def initial_parameters(case: Case, seed: int) -> dict[str, Tensor]:
    """Large random values, so that every nonlinearity, gain, bias and slope leaves its mark.

    Uniform ones: their bits, unlike those of torch.randn, are the same on every processor.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, parameter in sorted(Decoder(case.model).named_parameters()):
        noise = (2 * torch.rand(parameter.shape, generator=generator) - 1) * math.sqrt(3)
        part = name.split(".")[-1]
        if part == "temperature":
            parameters[name] = initial_temperature(case.model.temperature, noise)
        elif part in CENTRE_AND_SPREAD:
            centre, spread = CENTRE_AND_SPREAD[part]
            parameters[name] = centre + spread * noise
        elif "norm" in name and name.endswith("weight"):
            parameters[name] = 1.0 + 0.2 * noise
        elif name in ("tokens.weight", "positions.weight"):
            parameters[name] = 0.4 * noise
        else:
            parameters[name] = 0.2 * noise
    return parameters


def initial_temperature(form: str, noise: Tensor) -> Tensor:
    """What is stored of temperatures; those under exp are low, about 0.3, so that attention is far
    from uniform; of the raw ones, about 1, one in seven is negative.
    """
    if form == "exp":
        return -1.2 + 0.3 * noise
    if form == "softplus":
        return 0.5 + 0.4 * noise
    seventh = torch.arange(noise.numel()).view_as(noise) % 7 == 3
    return torch.where(seventh, -1, 1) * (1 + 0.3 * noise)


def initial_vectors(case: Case, seed: int, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of spectral normalisation, after two power iterations: near, but not at, the end.

    Computed in float64 and rounded, so that they too are the same on every processor.
    """
    generator = torch.Generator().manual_seed(2000 + seed)
    vectors = {}
    for name, module in sorted(Decoder(case.model).named_modules()):
        if isinstance(module, SpectralNormLinear):
            weight = parameters[f"{name}.weight"].double()
            v = torch.rand(weight.shape[1], generator=generator).double() - 0.5
            for _ in range(2):
                u, v = power_iteration(weight, v)
            vectors |= {f"{name}.u": u.float(), f"{name}.v": v.float()}
    return vectors


def initial_norms(case: Case, seed: int) -> dict[str, Tensor]:
    """Of fixed norms: the gate, and deviations away from 1."""
    generator = torch.Generator().manual_seed(3000 + seed)
    buffers = {}
    for name, module in sorted(Decoder(case.model).named_modules()):
        if isinstance(module, FixedLayerNorm):
            sigma = 0.5 + 1.5 * torch.rand(1, generator=generator)
            is_fresh = name.split(".")[-1] == case.fresh_norms
            buffers[f"{name}.sigma"] = torch.zeros(1) if is_fresh else sigma
            buffers[f"{name}.gate"] = torch.tensor([case.gate])
    return buffers


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
    forward: Callable[[Tensor], Forward],
    ours: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    batches: Tensor,
) -> Trace:
    """One batch in evaluation mode, then ten steps in training mode.

    `ours` translates a dictionary by the model's parameter names to AERO's names.
    """

    def run(batch: Tensor) -> tuple[Forward, Tensor]:
        """The outputs and their cross-entropy; gradients of that with the penalty."""
        output = forward(batch[:, :-1])
        loss = functional.cross_entropy(output.logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        (loss if output.penalty is None else loss + output.penalty).backward()
        return output, loss.detach()

    model.eval()
    output, loss = run(batches[0])
    trace: Trace = {"logits": output.logits.detach(), "loss": loss}
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    trace |= {f"grad/{name}": tensor for name, tensor in ours(gradients).items()}
    if output.entropy is not None:
        trace["entropy"] = output.entropy.detach()
    if output.penalty is not None:
        trace["penalty"] = output.penalty.detach()

    model.train()
    steps: dict[str, list[Tensor]] = {"step_loss": [], "step_grad_norm": []}
    for batch in batches:
        output, loss = run(batch)
        steps["step_grad_norm"].append(nn.utils.clip_grad_norm_(model.parameters(), CLIP))
        steps["step_loss"].append(loss)
        if output.penalty is not None:
            steps.setdefault("step_penalty", []).append(output.penalty.detach())
        optimizer.step()
    trace |= {name: torch.stack(values) for name, values in steps.items()}
    after = {name: p.detach() for name, p in model.named_parameters()}
    return trace | {f"after/{name}": tensor for name, tensor in ours(after).items()}


def by_decoder(
    case: Case, dtype: str, eps_of: str, init: Mapping[str, Tensor], batches: Tensor, fused: bool
) -> Trace:
    """The trace of the reference decoder, with the optimizer of the files of type `eps_of`."""
    model = Decoder(case.model, fused_attention=fused).to(DTYPES[dtype])
    model.load_state_dict(init)
    optimizer = make_optimizer(model, optimizer_section(eps_of))

    def forward(tokens: Tensor) -> Forward:
        if not case.entropy:
            return Forward(model(tokens))
        logits, entropy = model.forward_with_entropy(tokens)
        penalty = model.penalty(entropy) if case.model.ereg.enabled else None
        return Forward(logits, entropy, penalty)

    trace = record(model, optimizer, forward, dict, batches)
    return trace | {f"after/{name}": buffer for name, buffer in model.named_buffers()}


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
        lambda tokens: Forward(model(input_ids=tokens).logits),
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


def margin_matters(model: ModelConfig, entropy: Tensor, init: Mapping[str, Tensor]) -> bool:
    """Whether some heads (or rows) are beyond the penalty's margin, and some within."""
    thresholds = init["thresholds"][:, None, :, None]
    if model.ereg.reduction == "mean":
        entropy = entropy.mean(dim=(1, 3), keepdim=True)
    beyond = (entropy / math.log(model.context) - thresholds).abs() > model.ereg.gamma
    return bool(beyond.any()) and not bool(beyond.all())


def make(case: Case, number: int, dtype: str) -> tuple[Trace, dict[str, str], dict[str, float]]:
    """The tensors of a file, its metadata, and how well other computations agree with them."""
    generator = torch.Generator().manual_seed(1000 + number)
    shape = (STEPS, case.batch_size, case.model.context + 1)
    batches = torch.randint(case.model.vocab_size, shape, generator=generator)
    parameters = initial_parameters(case, number)
    parameters |= initial_vectors(case, number, parameters)
    parameters |= initial_norms(case, number)
    init = {name: tensor.to(DTYPES[dtype]) for name, tensor in parameters.items()}
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
    if case.model.ereg.enabled and not margin_matters(case.model, trace["entropy"], init):
        sys.exit(f"{case.name}.{dtype}: all deviations are on one side of the margin")
    tensors = {"batches": batches} | {f"init/{k}": v for k, v in init.items()} | trace
    metadata = {
        "config": json.dumps(case.model.to_dict(), sort_keys=True),
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
    data = struct.pack("<Q", len(text)) + text + payload
    write_whole({path: bytes(data)})


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
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parent.parent / "tests" / "golden"
    parser.add_argument("--out", type=Path, default=default, help="folder (default: tests/golden)")
    parser.add_argument("--only", metavar="CASE", nargs="+", help="these cases alone")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    jobs = [
        (number, case, dtype)
        for number, case in enumerate(cases())
        for dtype in DTYPES
        if arguments.only is None or case.name in arguments.only
    ]
    known = [case.name for case in cases()]
    for name in arguments.only or ():
        if name not in known:
            parser.error(f"unknown case {name!r}: {', '.join(known)}")
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
    sys.exit(run_command(main))
