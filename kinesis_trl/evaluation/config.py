"""Options of pictures; importable without MuJoCo, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

View = Literal["diagonal", "side", "front", "behind", "above"]


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """How videos are drawn."""

    width: int = 1280
    """Width of the whole picture in pixels, all clips together."""
    height: int = 720
    """Height of the whole picture in pixels."""
    camera: View = "diagonal"
    """Where it is looked from."""
    shadows: bool = True
    """Whether shadows are drawn; without a GPU they double the time."""

    def __post_init__(self) -> None:
        if not (160 <= self.width <= 7680 and 120 <= self.height <= 4320):
            raise ValueError(f"a picture of {self.width} x {self.height}; expected 160 x 120 to 7680 x 4320 pixels.")
