"""Writes reference files, and compares them with fresh tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open

from aero.core.files import write_whole
from aero.golden.agreement import error
from aero.golden.traces import (
    Trace,
)


def write_safetensors(path: Path, tensors: Trace, metadata: Mapping[str, str]) -> None:
    """Writes a file as safetensors.torch.save_file does, but always with the header's keys in the
    same order.
    """
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
    """Yields what differs between a stored file and freshly made tensors."""
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
    for name, size in error(common, stored).items():
        if not size <= limit:
            yield f"tensor {name} differs by {size:.1e} (allowed: {limit:.0e})"
