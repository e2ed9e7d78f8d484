"""Pictures of the body without a display: off-screen rendering, grids, videos, contact sheets."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg
import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from kinesis_trl import MISSING_OPENGL
from kinesis_trl.atomic import replacing
from kinesis_trl.body.model import BodyModel
from kinesis_trl.evaluation.config import View

Image = NDArray[np.uint8]
"""(height, width, 3) pixels."""

_REST = np.array([0.16, 0.32, 0.80])
_ACTIVE = np.array([0.86, 0.05, 0.06])
REFERENCE = (16, 138, 84)
"""Colour of the reference's outline: neither bone nor muscle has it."""
_SHADOW_PIXELS = 2048  # the model's 4096 take a third longer without a GPU, 1024 dot the floor


class RenderError(RuntimeError):
    """Pictures cannot be made on this machine; the message says what to install."""


def muscle_colours(activation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Red, green and blue (…, 3) in [0, 1] of muscles at `activation` (…,): blue at rest, red when fully active."""
    level = np.clip(activation, 0, 1)[..., None]
    return _REST + level * (_ACTIVE - _REST)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera that follows the body."""

    distance: float = 2.7
    """Distance from what it looks at, in metres."""
    azimuth: float = 120.0
    """Direction it looks in, in degrees about the vertical, relative to the world's x axis."""
    elevation: float = -12.0
    """Angle above the horizontal it looks from, negative is downward, in degrees."""
    height: float = 0.85
    """Height above the floor that it looks at, beside the pelvis, in metres."""


CAMERAS: dict[View, Camera] = {
    "diagonal": Camera(),
    "side": Camera(azimuth=90.0, elevation=-6.0),
    "front": Camera(azimuth=180.0, elevation=-6.0),
    "behind": Camera(azimuth=0.0, elevation=-10.0),
    "above": Camera(azimuth=90.0, elevation=-60.0, distance=3.2),
}
"""Cameras by name, for a body that starts facing the world's x axis."""


class BodyRenderer:
    """Renders one body, muscles coloured by activation, with the outline of its reference.

    Use as a context manager; an off-screen OpenGL context is held meanwhile.
    """

    def __init__(
        self,
        body: BodyModel,
        *,
        width: int = 320,
        height: int = 360,
        camera: Camera | None = None,
        shadows: bool = False,
    ) -> None:
        """Open an off-screen context.

        Raises:
            RenderError: no off-screen OpenGL on this machine.
        """
        self.body, self.camera = body, camera or Camera()
        self._model = copy.copy(body.whole)  # the body's own keeps its looks, and other threads may use it
        visual = self._model.vis
        visual.global_.offwidth = max(visual.global_.offwidth, width)
        visual.global_.offheight = max(visual.global_.offheight, height)
        visual.quality.numslices, visual.quality.numstacks = 8, 4  # 330 muscle segments, drawn by the CPU
        visual.quality.shadowsize = _SHADOW_PIXELS
        try:
            self._renderer = mujoco.Renderer(self._model, height, width)
        except Exception as error:  # each backend has its own exception types
            reason = f"{type(error).__name__}: {error}"
            if MISSING_OPENGL:
                reason = f"the library that MUJOCO_GL={MISSING_OPENGL} needs is not installed"
            raise RenderError(
                f"no off-screen OpenGL ({reason}); install Mesa "
                "(Debian: apt-get install libegl1 libgl1-mesa-dri, or libosmesa6) and set MUJOCO_GL=egl or osmesa."
            ) from error
        self._data = mujoco.MjData(self._model)
        self._lights = self._model.light_pos[:, :2].copy()
        self._option, self._bones = mujoco.MjvOption(), mujoco.MjvOption()
        for option, tendons in ((self._option, True), (self._bones, False)):
            option.flags[mujoco.mjtVisFlag.mjVIS_TENDON] = tendons
            option.sitegroup[:] = 0
            option.geomgroup[:] = [1, 1, 1, 0, 0, 0]  # 3: wrapping surfaces, 4: collision shapes
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows

    def __enter__(self) -> BodyRenderer:
        """The renderer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the context."""
        self._renderer.close()

    def frame(
        self,
        qpos: NDArray[np.float64],
        activation: NDArray[np.float64] | None = None,
        reference: NDArray[np.float64] | None = None,
    ) -> Image:
        """One picture of qpos (nq,), muscle activations (M,) and a reference pose (nq,)."""
        data, model = self._data, self._model
        data.qpos[:] = qpos
        level = np.zeros(model.nu) if activation is None else activation
        model.tendon_rgba[model.actuator_trnid[:, 0], :3] = muscle_colours(level)
        model.light_pos[:, :2] = self._lights + qpos[:2]  # its shadows reach only some metres
        mujoco.mj_fwdPosition(model, data)
        view = mujoco.MjvCamera()
        size = self.body.relative_size[0]  # tall people fill the picture as others do
        view.lookat[:] = [qpos[0], qpos[1], size * self.camera.height]
        view.distance = size * self.camera.distance
        view.azimuth, view.elevation = self.camera.azimuth, self.camera.elevation
        self._renderer.update_scene(data, view, self._option)
        image: Image = self._renderer.render().copy()
        return image if reference is None else outlined(image, self._silhouette(reference))

    def _silhouette(self, qpos: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(height, width) where the bones of a pose are seen by the camera of the last picture."""
        model, scene = self._model, self._renderer.scene
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(model, self._data)
        scene.ngeom = 0
        dynamic = int(mujoco.mjtCatBit.mjCAT_DYNAMIC)
        mujoco.mjv_addGeoms(model, self._data, self._bones, mujoco.MjvPerturb(), dynamic, scene)
        self._renderer.enable_segmentation_rendering()
        try:
            return np.asarray(self._renderer.render()[..., 0] >= 0)
        finally:
            self._renderer.disable_segmentation_rendering()


def outlined(image: Image, mask: NDArray[np.bool_], colour: tuple[int, int, int] = REFERENCE) -> Image:
    """The picture with a line along the edge of `mask` (height, width), gaps between ribs closed.

    Drawn on top, so that nothing of it flickers where both bodies are at one place.
    """
    thick = max(3, round(image.shape[0] / 200) | 1)
    closed = minimum_filter(maximum_filter(mask.astype(np.float32), 2 * thick + 1), 2 * thick + 1)
    edge = 1.0 - np.abs(2.0 * uniform_filter(closed, thick) - 1.0)
    weight = (edge / max(float(edge.max()), 1e-6))[..., None]
    return (image * (1 - weight) + np.array(colour) * weight).astype(np.uint8)


def grid(images: Sequence[Image], columns: int | None = None) -> Image:
    """Put pictures of one size side by side, row by row; missing cells are white."""
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    blank = np.full_like(images[0], 255)
    cells = [*images, *[blank] * (rows * columns - len(images))]
    return np.concatenate([np.concatenate(cells[r * columns : (r + 1) * columns], axis=1) for r in range(rows)])


def write_video(path: Path, frames: Iterable[Image], *, fps: float = 30.0) -> None:
    """Write an H.264 .mp4, atomically; frames are taken one at a time."""
    pictures = iter(frames)
    first = next(pictures)
    height, width = (n // 2 * 2 for n in first.shape[:2])  # the codec wants even sizes
    with replacing(path) as temporary:
        writer = imageio_ffmpeg.write_frames(
            str(temporary), (width, height), fps=fps, codec="libx264", macro_block_size=2
        )
        writer.send(None)
        try:
            for frame in chain([first], pictures):
                writer.send(np.ascontiguousarray(frame[:height, :width]))
        finally:
            writer.close()
