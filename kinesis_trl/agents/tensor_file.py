"""Tensors with a description in one safetensors file: replaced as a whole, and checked before anything is used.

The description is JSON in the header, so that one atomic replacement commits both. No code can come from such a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.atomic import write_bytes

_KEY = "kinesis_trl"
_CHECKSUM = "sha256"
_LARGEST = 4 << 30
"""Bytes of a file; a policy takes a few MiB, a run's checkpoint with large networks 0.2 GiB."""
_LONGEST = 1 << 20
"""Characters of a description; ours have a few thousand."""
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U64": torch.uint64, "U32": torch.uint32,
    "U16": torch.uint16, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


def write_tensors(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> str:
    """Replace a file; returns the description as it was written, with the checksum of the tensors.

    Raises:
        OSError: the disk refuses; the earlier file is then whole.
    """
    held = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    text = json.dumps({**description, _CHECKSUM: _checksum(held)}, indent=2, allow_nan=False)
    write_bytes(path, save(held, metadata={_KEY: text}))
    return text


@dataclass(frozen=True)
class TensorFile:
    """A file whose description has been read and whose tensors have not."""

    path: Path
    description: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> TensorFile:
        """Read the description.

        Raises:
            FileNotFoundError: no such file.
            CheckpointError: not such a file, or a damaged one.
        """
        if path.exists() and not path.is_file():
            raise CheckpointError(f"{path}: no regular file, expected one that kinesis_trl saved.")
        if (size := path.stat().st_size) > _LARGEST:
            raise CheckpointError(f"{path}: {size} bytes, expected at most {_LARGEST}. Download it again.")
        try:
            with safe_open(path, framework="pt") as file:
                text = (file.metadata() or {}).get(_KEY, "")
            if len(text) > _LONGEST:
                raise ValueError(f"a description of {len(text)} characters, expected at most {_LONGEST}")
            description = json.loads(text) if text else None
        except (SafetensorError, OSError, ValueError, RecursionError) as error:
            raise CheckpointError(
                f"{path}: not a readable safetensors file ({error}). Copy or download it again."
            ) from error
        if not isinstance(description, dict):
            raise CheckpointError(
                f"{path}: no description of a policy in its header, expected one written by kinesis_trl. "
                "Choose a folder that kinesis_trl saved."
            )
        return cls(path, description)

    def read(self, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors, which must have the names, shapes and types of `like` and the checksum they were written with.

        Of numbers in single precision the file may have halves.

        Raises:
            CheckpointError: they differ.
        """
        try:
            with safe_open(self.path, framework="pt") as file:
                parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
                found = {name: (tuple(p.get_shape()), _DTYPES.get(p.get_dtype())) for name, p in parts.items()}
                expected = {name: (tuple(t.shape), t.dtype) for name, t in like.items()}
                halves = {n: (shape, torch.float16) for n, (shape, kind) in expected.items() if kind == torch.float32}
                self._check_layout(found, expected | {n: h for n, h in halves.items() if found.get(n) == h})
                # Copies: what maps the file would end the process when another program cuts it short.
                tensors = {name: file.get_tensor(name).clone() for name in like}
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{self.path}: not a readable safetensors file ({error}). Copy or download it again."
            ) from error
        if self.description.get(_CHECKSUM) != _checksum(tensors):
            raise CheckpointError(
                f"{self.path}: the weights are not those it was written with (checksum differs); expected an "
                "undamaged file. Copy or download it again."
            )
        return {name: tensor.to(like[name].dtype) for name, tensor in tensors.items()}

    def _check_layout(self, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        for name in sorted(found.keys() | expected.keys()):
            there, wanted = found.get(name), expected.get(name)
            if there == wanted:
                continue
            what = "is missing" if there is None else f"has shape {there[0]}, {there[1]}"
            hoped = "no such weight" if wanted is None else f"{wanted[0]}, {wanted[1]}"
            raise CheckpointError(
                f"{self.path}: {name} {what}, expected by its description: {hoped}. Download it again or use another "
                "checkpoint."
            )


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise CheckpointError where a tensor holds NaN or infinity."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"{path}: {name} holds NaN or infinity, expected finite weights. Use an earlier checkpoint."
            )


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names and numbers; safetensors itself would not notice a flipped bit."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
