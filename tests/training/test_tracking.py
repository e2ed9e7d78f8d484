"""What Aim holds after a run was tracked through TorchRL's logger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from torchrl.record.loggers.common import Logger

from kinesis_trl.training.tracking import AimLogger, encode_gif, plain, split_name


def stored(repository: Path, run_hash: str) -> Any:
    """The run as Aim's own reader gives it."""
    from aim import Repo
    from aim.sdk.index_manager import RepoIndexManager

    RepoIndexManager(Repo(str(repository))).index(run_hash)  # Aim fills its index only while its pages are open
    return Repo(str(repository)).get_run(run_hash)


def points(run: Any, name: str, **context: str) -> dict[int, float]:
    from aim.storage.context import Context

    steps, (values, _, _) = run.get_metric(name, Context(context)).data.numpy()
    return dict(zip(steps.tolist(), values.tolist(), strict=True))


@dataclass(frozen=True)
class Inner:
    hidden: tuple[int, ...] = (8, 4)


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    folder: Path = Path("a/b")
    rate: float = 0.5
    nothing: None = None


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[AimLogger]:
    logger = AimLogger("test", tmp_path / "runs", run_name="walk", tags=("one", "two"))
    yield logger
    logger.close()


def test_everything_is_stored_and_a_run_can_go_on(tmp_path: Path, logger: AimLogger) -> None:
    assert isinstance(logger, Logger)
    logger.log_metrics({"train/loss": torch.tensor(0.5), "eval/coverage@turn in place": 0.25, "speed": 3}, step=10)
    logger.log_hparams(Outer())
    logger.log_properties({"expert": 1, "clips": ("a", "b")})
    video = torch.zeros(2, 5, 3, 4, 6, dtype=torch.uint8)
    video[1, :, 0] = torch.arange(0, 250, 50, dtype=torch.uint8)[:, None, None]
    logger.log_video("eval/rollout", video, step=10, fps=25)
    logger.log_histogram("train/weights", [0.0, 1.0, 1.0], step=10, bins=2)
    logger.close()
    again = AimLogger("test", tmp_path / "runs", run_name="walk", run_hash=logger.run_hash, tags=("two", "three"))
    again.log_scalar("train/loss", 0.4, step=10)  # done again after the resume
    again.log_scalar("train/loss", 0.3, step=20)
    again.close()

    run = stored(tmp_path / "runs", logger.run_hash)
    assert (run.name, run.experiment, sorted(run.tags)) == ("walk", "test", ["one", "three", "two"])
    assert points(run, "loss", subset="train") == {10: 0.4, 20: 0.3}
    assert points(run, "coverage", subset="eval", category="turn in place") == {10: 0.25}
    assert points(run, "speed") == {10: 3.0}
    assert run["hparams"] == {"inner": {"hidden": [8, 4]}, "folder": "a/b", "rate": 0.5, "nothing": None}
    assert (run["expert"], run["clips"]) == (1, ["a", "b"])
    assert run["provenance"]["torch"] == torch.__version__ == run["provenance_of_resume"]["torch"]
    assert not any("env" in key for key in run[...])  # environment variables may hold secrets

    from aim.storage.context import Context

    subset = Context({"subset": "eval"})
    movie = run.get_image_sequence("rollout", subset).values.first_value().to_pil_image()
    assert (movie.size, movie.n_frames) == ((12, 4), 5)
    movie.seek(4)
    shown = np.asarray(movie.convert("RGB")).astype(int)
    assert (shown[:, :6] == 0).all() and np.abs(shown[:, 6:] - [200, 0, 0]).max() <= 8
    weights = run.get_distribution_sequence("weights", Context({"subset": "train"})).values.first_value()
    assert weights.to_np_histogram()[0].tolist() == [1, 2]


def test_names_carry_their_context() -> None:
    assert split_name("loss") == ("loss", {})
    assert split_name("train/reward/position") == ("reward/position", {"subset": "train"})
    assert split_name("reward/position") == ("reward/position", {})
    assert split_name("eval/mpjpe@run, slow") == ("mpjpe", {"subset": "eval", "category": "run, slow"})
    for bad in ("", "train/", "@walk", "loss@"):
        with pytest.raises(ValueError, match=re.escape(repr(bad))):
            split_name(bad)


def test_gif_keeps_time_and_colours() -> None:
    frames = np.zeros((31, 8, 10, 3), np.uint8)
    frames[:, :, :, 1] = np.arange(31)[:, None, None] * 8
    with Image.open(BytesIO(encode_gif(frames, fps=30))) as gif:
        shown = [(f.info["duration"], np.asarray(f.convert("RGB")).astype(int)) for f in ImageSequence.Iterator(gif)]
        assert gif.info["loop"] == 0
    assert len(shown) == 31
    assert sum(duration for duration, _ in shown) == 1030  # 31 / 30 s, to a hundredth
    assert max(np.abs(picture - frame).max() for (_, picture), frame in zip(shown, frames, strict=True)) <= 8


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        (np.zeros((2, 4, 4, 3)), 30, "float64"),
        (np.zeros((4, 4, 3), np.uint8), 30, r"expected \(T, H, W, 3\)"),
        (np.zeros((0, 4, 4, 3), np.uint8), 30, "none of them zero"),
        (np.zeros((2, 4, 4, 4), np.uint8), 30, "expected"),
        (np.zeros((2, 4, 4, 3), np.uint8), 0, "frames per second"),
        (np.broadcast_to(np.zeros(3, np.uint8), (10**4, 10**3, 10**3, 3)), 30, "expected at most 512"),
    ],
)
def test_frames_that_cannot_be_shown(frames: np.ndarray, fps: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_gif(frames, fps=fps)


def test_plain_settings_are_json_values() -> None:
    settings = plain({1: {3, 2}, "a": np.float32(0.5), "b": [Outer()], "c": torch.device("cpu"), "d": True})
    assert settings["1"] == [2, 3] and settings["a"] == 0.5 and settings["c"] == "cpu" and settings["d"] is True
    assert settings["b"] == [{"inner": {"hidden": [8, 4]}, "folder": "a/b", "rate": 0.5, "nothing": None}]
