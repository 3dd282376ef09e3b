"""Makes the content of one reference file."""

from __future__ import annotations

import json

import torch

from aero.core.errors import AeroError
from aero.golden.agreement import agree, margin_matters
from aero.golden.case import Case
from aero.golden.initial import initial_norms, initial_parameters, initial_vectors
from aero.golden.traces import (
    CLIP,
    DTYPES,
    STEPS,
    Trace,
    by_decoder,
    by_transformers,
    optimizer_section,
)


def make(case: Case, number: int, dtype: str) -> tuple[Trace, dict[str, str], dict[str, float]]:
    """Returns a file's tensors, its metadata, and how far other computations are from them."""
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
        raise AeroError(f"{case.name}.{dtype}: no step is clipped")
    if case.model.ereg.enabled and not margin_matters(case.model, trace["entropy"], init):
        raise AeroError(f"{case.name}.{dtype}: all deviations are on one side of the margin")
    tensors = {"batches": batches} | {f"init/{k}": v for k, v in init.items()} | trace
    metadata = {
        "config": json.dumps(case.model.to_dict(), sort_keys=True),
        "optimizer": json.dumps(optimizer_section(dtype) | {"clip": CLIP}, sort_keys=True),
        "source": source,
    }
    return tensors, metadata, agreement
