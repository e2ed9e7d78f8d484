"""Aim as a TorchRL logger: scalars with contexts, videos, distributions, settings and where they came from."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchrl.record.loggers.common import Logger

from kinesis_trl.agents.provenance import provenance

_NAME = re.compile(r"(?:(?P<subset>train|eval)/)?(?P<metric>[^@]*[^@/])(?:@(?P<category>.+))?")
_LISTING_AGE = 0.6  # seconds; Aim reuses its list of runs for 0.5, so it may not know of a run just made
_MOST_VIDEO_BYTES = 1 << 29  # raw; a minute at 30 frames/s of 320 × 240 takes 0.4 GiB


class AimLogger(Logger):
    """Writes one run into an Aim repository on this machine; errors of Aim are passed on.

    Names of scalars and videos carry their context: `eval/coverage@turn in place` is tracked as `coverage`
    with subset `eval` and category `turn in place`, so that Aim can group and compare. A point tracked again
    at the same step replaces the earlier one, as a resumed run needs.
    """

    def __init__(
        self,
        exp_name: str,
        log_dir: Path | str,
        *,
        run_name: str = "",
        run_hash: str | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        """Open a new run, or that of `run_hash`, of experiment `exp_name` in the repository at `log_dir`/.aim."""
        self._run_hash = run_hash
        super().__init__(exp_name, str(log_dir))
        if run_name:
            self.experiment.name = run_name
        for tag in set(tags) - set(self.experiment.tags):
            self.experiment.add_tag(tag)
        # The code may have changed since the run began: both are kept.
        self.experiment["provenance" if run_hash is None else "provenance_of_resume"] = provenance()

    @property
    def run_hash(self) -> str:
        """Aim's key of the run, with which it can be opened again."""
        return str(self.experiment.hash)

    def _create_experiment(self) -> Any:
        # Imported late: it takes seconds, and only those who track pay them.
        from aim.sdk.errors import MissingRunError  # noqa: PLC0415

        Path(self.log_dir).mkdir(parents=True, exist_ok=True)
        try:
            return self._open()
        except MissingRunError:
            time.sleep(_LISTING_AGE)
            return self._open()

    def _open(self) -> Any:
        from aim import Run  # noqa: PLC0415

        return Run(
            self._run_hash,
            repo=self.log_dir,
            experiment=self.exp_name,
            # Aim's own record of the system fails with new setuptools and would store environment variables.
            log_system_params=False,
            system_tracking_interval=None,
            capture_terminal_logs=False,
        )

    def log_scalar(self, name: str, value: float, step: int | None = None) -> None:
        """Track one number."""
        metric, context = split_name(name)
        self.experiment.track(float(value), name=metric, step=step, context=context)

    def log_video(self, name: str, video: Tensor, step: int | None = None, **kwargs: Any) -> None:
        """Track a video, ([N,] T, 3, H, W) uint8 as in TorchRL, as a moving GIF; N clips stand side by side.

        `fps` (default 30) and `caption` are the only further arguments.
        """
        from aim import Image as AimImage  # noqa: PLC0415

        fps, caption = kwargs.pop("fps", 30.0), kwargs.pop("caption", "")
        if kwargs:
            raise TypeError(f"unknown arguments {', '.join(kwargs)}, expected fps or caption")
        if video.ndim == 5:
            video = torch.cat(list(video), dim=-1)
        gif = encode_gif(video.movedim(-3, -1).cpu().numpy(), fps=fps)
        metric, context = split_name(name)
        with Image.open(BytesIO(gif)) as picture:
            self.experiment.track(AimImage(picture, caption=caption), name=metric, step=step, context=context)

    def log_histogram(self, name: str, data: Sequence[float], **kwargs: Any) -> None:
        """Track how the values in `data` are spread; `step` and `bins` (default 64) are the further arguments."""
        from aim import Distribution  # noqa: PLC0415

        step, bins = kwargs.pop("step", None), kwargs.pop("bins", 64)
        if kwargs:
            raise TypeError(f"unknown arguments {', '.join(kwargs)}, expected step or bins")
        metric, context = split_name(name)
        values = np.asarray(data, dtype=np.float64).ravel()
        self.experiment.track(Distribution(values, bin_count=bins), name=metric, step=step, context=context)

    def log_hparams(self, cfg: Any) -> None:
        """Store settings, a dataclass or mapping with any nesting, under `hparams`."""
        self.experiment["hparams"] = plain(cfg)

    def log_properties(self, properties: Mapping[str, Any]) -> None:
        """Store what the run can be searched by, such as `run.expert == 1` in Aim's search field."""
        for name, value in properties.items():
            self.experiment[name] = plain(value)

    def __repr__(self) -> str:
        return f"AimLogger(exp_name={self.exp_name!r}, log_dir={self.log_dir!r}, run_hash={self.run_hash!r})"


def split_name(name: str) -> tuple[str, dict[str, str]]:
    """Metric and context of `[train/|eval/]metric[@category]`. Raises ValueError when no metric is left."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"metric name {name!r}, expected [train/|eval/]metric[@category], such as eval/mpjpe@run")
    context = {key: found[key] for key in ("subset", "category") if found[key]}
    return found["metric"], context


def encode_gif(frames: np.ndarray, *, fps: float) -> bytes:
    """A looping GIF of (T, H, W, 3) uint8 frames.

    A GIF counts time in hundredths of a second; delays are spread so that the whole lasts T / fps seconds.
    Raises ValueError for another shape or type, no frames, a rate outside (0, 50] or more than 512 MiB.
    """
    check_frames(frames, "(T, H, W, 3)")
    check_rate(fps)
    ticks = np.diff(np.round(np.arange(len(frames) + 1) * 100 / fps))
    # Pillow's own choice of colours, median cut, takes 20 times as long.
    pictures = [Image.fromarray(frame).quantize(method=Image.Quantize.FASTOCTREE) for frame in frames]
    stream = BytesIO()
    pictures[0].save(
        stream,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=[int(10 * t) for t in ticks],
        loop=0,
    )
    return stream.getvalue()


def check_frames(frames: np.ndarray, shape: str) -> None:
    """Raise ValueError unless the array is a picture or video of the written shape, uint8, and not too large."""
    ndim = shape.count(",") + 1
    if frames.dtype != np.uint8 or frames.ndim != ndim or frames.shape[-1] != 3 or 0 in frames.shape:
        raise ValueError(f"frames are {frames.shape} {frames.dtype}, expected {shape} uint8 and none of them zero")
    if frames.nbytes > _MOST_VIDEO_BYTES:
        raise ValueError(
            f"frames take {frames.nbytes >> 20} MiB, expected at most {_MOST_VIDEO_BYTES >> 20}. "
            "Track fewer or smaller frames and keep the full video as a file."
        )


def check_rate(fps: float) -> None:
    """Raise ValueError unless a GIF can move at so many frames per second."""
    if not 0 < fps <= 50:
        raise ValueError(f"{fps} frames per second, expected more than 0 and at most 50, the limit of GIF players")


def plain(value: Any) -> Any:
    """Settings as Aim and JSON can store them: dicts with text keys, lists, text, numbers, truth values, None."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
