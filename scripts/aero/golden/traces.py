"""Records what a model computes: one batch, then ten steps of AdamW."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from aero.golden.case import Case
from aero.reference import huggingface
from aero.reference.decoder import Decoder
from aero.reference.training import make_optimizer

STEPS = 10
CLIP = 1.0
DTYPES = {"float32": torch.float32, "float64": torch.float64}
# The gradient of a key's bias is zero but for rounding, since softmax ignores it (where rotary
# embedding does not turn it). Adam divides that noise by its own size, so only a larger eps keeps
# float32 implementations comparable.
EPS = {"float32": 1e-4, "float64": 1e-8}
Trace = dict[str, Tensor]


class Forward(NamedTuple):
    """Holds a model's outputs for [B, T] tokens, with entropy and penalty where they are kept."""

    logits: Tensor
    entropy: Tensor | None = None
    penalty: Tensor | None = None


def optimizer_section(dtype: str) -> dict[str, Any]:
    """Returns the section "optimizer" of an AERO config."""
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
    """Records one batch in evaluation mode, then ten steps in training mode.

    `ours` translates a dictionary by the model's parameter names to AERO's names.
    """

    def run(batch: Tensor) -> tuple[Forward, Tensor]:
        """Returns the outputs and their cross-entropy; computes its gradients with the penalty."""
        output = forward(batch[:, :-1])
        loss = functional.cross_entropy(output.logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        (loss if output.penalty is None else loss + output.penalty).backward()
        return output, loss.detach()

    model.eval()
    output, loss = run(batches[0])
    trace: Trace = {"logits": output.logits.detach(), "loss": loss}
    gradients = {name: cast(Tensor, p.grad).clone() for name, p in model.named_parameters()}
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
    """Records the reference decoder, with the optimizer of the files of type `eps_of`."""
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
    """Chooses attention. GPT-NeoX's eager one takes its softmax in float32 whatever the type is."""
    return "sdpa" if case.model.family == "pythia" and dtype == "float64" else "eager"


def by_transformers(
    case: Case, dtype: str, init: Mapping[str, Tensor], batches: Tensor
) -> tuple[Trace, str]:
    """Returns the trace of transformers' model, and the words that name its source."""
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
