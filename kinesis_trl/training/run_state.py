"""Checkpoints of a run: tensors by flat names, all else as JSON, in one file that runs no code when it is read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.tensor_file import TensorFile, check_finite, write_tensors

_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")
_VERSION = 1
_JOINT = "/"  # between the keys of a nested state; names of weights hold dots


class Checkpoints:
    """The newest states of a run in a folder.

    A state is a nested mapping or TensorDict with text keys; its leaves are tensors, arrays, or JSON values. Reading
    takes a state of the same form, that of the run as it was built: names, shapes and types must be equal.
    """

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        """`keep` is how many of the newest stay."""
        self.folder, self.keep = folder, keep

    def save(self, state: Mapping[str, Any], step: int) -> Path:
        """Write a state, and only then remove the oldest ones; returns its file.

        Raises:
            OSError: the disk refuses; the ones before are whole, and nothing of this one is left.
        """
        tensors, values = _apart(state)
        path = self.folder / f"checkpoint-{step:012d}.safetensors"
        write_tensors(path, tensors, {"format_version": _VERSION, "step": step, "values": values})
        for old in self._files()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def load_latest(self, like: Mapping[str, Any], *, finite: str = "") -> dict[str, Any] | None:
        """The newest state, in the form of `like`; None where there is none. Tensors under the key `finite` must be so.

        Raises:
            CheckpointError: it is damaged, of another run, or of a version whose reading could run code.
        """
        files = self._files()
        if not files:
            self._refuse_pickles()
            return None
        path = files[-1]
        file = TensorFile.open(path)
        version = file.description.get("format_version")
        if version != _VERSION:
            raise CheckpointError(f"{path}: format version {version}, expected {_VERSION}; update kinesis_trl.")
        tensors, values = _apart(like)
        read = file.read(tensors)
        found = file.description.get("values")
        if not isinstance(found, dict) or found.keys() != values.keys():
            raise CheckpointError(f"{path}: the values beside its tensors are not those of this run.")
        for name, value in values.items():
            if type(found[name]) is not type(value) or (type(value) is float and not math.isfinite(found[name])):
                raise CheckpointError(
                    f"{path}: {name} is {found[name]!r:.80}, expected a value of type {type(value).__name__}."
                )
        check_finite(path, {name: tensor for name, tensor in read.items() if finite and name.startswith(finite)})
        return _together(like, read, found)

    def _files(self) -> list[Path]:
        """Checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        found = [(int(m[1]), p) for p in self.folder.iterdir() if (m := _NAME.fullmatch(p.name))]
        return [path for _, path in sorted(found)]

    def _refuse_pickles(self) -> None:
        if self.folder.is_dir() and any(p.is_dir() for p in self.folder.glob("checkpoint-*")):
            run = self.folder.parent
            raise CheckpointError(
                f"{self.folder} holds checkpoints of an earlier version, whose pickles could run code and are "
                f"not opened. Go on from its weights in a new run: --name NEW --warm-start {run / 'policy'}"
            )


def _leaves(state: Mapping[str, Any] | TensorDictBase, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in state.items():
        if isinstance(value, Mapping | TensorDictBase):
            yield from _leaves(value, f"{prefix}{key}{_JOINT}")
        else:
            yield f"{prefix}{key}", value


def _apart(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON values of a state, by flat names."""
    tensors, values = {}, {}
    for name, value in _leaves(state):
        if isinstance(value, Tensor | np.ndarray):
            tensors[name] = torch.as_tensor(value)
        else:
            values[name] = value
    return tensors, values


def _together(
    like: Mapping[str, Any] | TensorDictBase, tensors: Mapping[str, Tensor], values: Mapping[str, Any], prefix: str = ""
) -> Any:
    """A state in the form of `like` from its tensors and values."""
    built: dict[str, Any] = {}
    for key, value in like.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping | TensorDictBase):
            built[key] = _together(value, tensors, values, f"{name}{_JOINT}")
        elif isinstance(value, np.ndarray):
            built[key] = tensors[name].numpy()
        else:
            built[key] = tensors[name] if isinstance(value, Tensor) else values[name]
    return TensorDict(built, like.batch_size) if isinstance(like, TensorDictBase) else built
