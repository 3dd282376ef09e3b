"""Writes the files of this folder with the Python package safetensors."""

from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parent


def every_dtype() -> dict[str, torch.Tensor]:
    """Returns a tensor of each dtype, a scalar, an empty one, and one with a name beyond ASCII."""
    return {
        "f64": torch.tensor([0.1, -2.5e300], dtype=torch.float64),
        "f32": torch.tensor([[1.5, -0.25, 3.0], [float("inf"), 1e-45, -0.0]], dtype=torch.float32),
        "f16": torch.tensor([1.0, -65504.0, 6e-8], dtype=torch.float16),
        "bf16": torch.tensor([[1.0], [-3.0e38]], dtype=torch.bfloat16),
        "i64": torch.tensor([-(2**63), 2**63 - 1], dtype=torch.int64),
        "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "i16": torch.tensor([-32768, 32767, 5], dtype=torch.int16),
        "i8": torch.tensor([-128, 127, 3], dtype=torch.int8),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "u16": torch.tensor([0, 65535], dtype=torch.uint16),
        "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        "u64": torch.tensor([1, 2**63], dtype=torch.uint64),
        "bool": torch.tensor([True, False, True], dtype=torch.bool),
        "scalar": torch.tensor(7.0, dtype=torch.float32),
        "empty": torch.zeros(0, 4, dtype=torch.float32),
        'näme "quoted"': torch.tensor([9], dtype=torch.int32),
    }


def one_dtype() -> dict[str, torch.Tensor]:
    """Returns weights as a model has them."""
    return {
        "h.10.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "h.2.bias": torch.full((3,), 0.5),
        "a": torch.tensor([-1.0]),
    }


def main() -> None:
    save_file(every_dtype(), FOLDER / "every_dtype.safetensors", metadata={"format": "pt"})
    save_file(one_dtype(), FOLDER / "one_dtype.safetensors")
    save_file({}, FOLDER / "empty.safetensors")


if __name__ == "__main__":
    main()
