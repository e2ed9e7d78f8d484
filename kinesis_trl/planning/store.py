"""What is done so far, on disk beside the library to come: an interruption costs only the clips under way."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinesis_trl.atomic import replacing, write_text
from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.pickles import load_npz
from kinesis_trl.planning.search import Found

_STATE = "state_"


class FoundStore:
    """One file for each clip in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def beside(cls, out: Path, key: str) -> FoundStore:
        """The store of one search for the library `out`, which its key finds again.

        Raises:
            OSError: the folder cannot be written to.
        """
        return cls(_beside(out, key))

    def save(self, clip: int, found: Found) -> None:
        """Keep what was found for a clip."""
        arrays = {_STATE + name: array for name, array in found.states.items()}
        with replacing(self._path(clip)) as temporary, temporary.open("wb") as file:
            arrays |= {name: getattr(found, name) for name in ("actions", "distance", "reward")}
            np.savez(file, allow_pickle=False, whole=found.whole, tries=found.tries, **arrays)

    def load(self, clip: int) -> Found | None:
        """What was kept for a clip; None where nothing was, or the file is damaged."""
        try:
            arrays = load_npz(self._path(clip))
            return Found(
                states={name.removeprefix(_STATE): a for name, a in arrays.items() if name.startswith(_STATE)},
                actions=arrays["actions"],
                distance=arrays["distance"],
                reward=arrays["reward"],
                whole=bool(arrays["whole"]),
                tries=int(arrays["tries"]),
            )
        except (ValueError, TypeError, KeyError):
            return None

    def _path(self, clip: int) -> Path:
        return self.folder / f"{clip:06d}.npz"


class ReferenceStore:
    """The references made so far, one library for each clip in a folder."""

    def __init__(self, folder: Path, body: BodyModel) -> None:
        self.folder, self._body = folder, body

    @classmethod
    def beside(cls, out: Path, key: str, body: BodyModel) -> ReferenceStore:
        """The store of the references for the library `out`, which its key finds again.

        Raises:
            OSError: the folder cannot be written to.
        """
        return cls(_beside(out, key), body)

    def save(self, clip: int, reference: MotionLibrary) -> None:
        """Keep a clip's reference."""
        reference.save(self.folder / f"{clip:06d}")

    def load(self, clip: int) -> MotionLibrary | None:
        """A clip's reference; None where there is none, or it is damaged."""
        try:
            return MotionLibrary.load(self.folder / f"{clip:06d}", self._body)
        except ClipFormatError:
            return None


def _beside(out: Path, key: str) -> Path:
    folder = out.parent / f".{out.name}.optimisation-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "README.txt", "Clips that trajectory optimisation has done so far; gone when it is finished.\n")
    return folder
