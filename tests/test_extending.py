"""The examples of docs/extending.md do what the page says, as they stand there."""

import re
from pathlib import Path

import numpy as np
import pytest

from kinesis_trl.envs.config import ImitationConfig, ObservationConfig
from kinesis_trl.envs.imitation import ImitationEnv
from kinesis_trl.envs.terms.observations import OBSERVATIONS
from kinesis_trl.motion.readers import registry
from kinesis_trl.motion.readers.registry import MotionFile, ReadOptions
from kinesis_trl.training.presets import presets_of

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
EXAMPLES = dict(zip(("observation", "reader", "control", "preset"), BLOCKS, strict=True))


def test_every_example_is_short():
    assert all(len(text.splitlines()) < 20 for text in EXAMPLES.values())


def test_an_observation_of_ones_own(body, library, monkeypatch):
    monkeypatch.setattr("kinesis_trl.envs.terms.observations.OBSERVATIONS", OBSERVATIONS)
    try:
        exec(EXAMPLES["observation"], {})
        config = ImitationConfig(num_envs=2, observation=ObservationConfig().plus("root_speed"), start="beginning")
        env = ImitationEnv(body, library, config)
        seen = env.reset()["observation"][:, env.layout.places["root_speed"]]
        assert seen.shape == (2, 1) and (seen >= 0).all()
        np.testing.assert_allclose(seen[:, 0], np.linalg.norm(env.physics.qvel[:, :2], axis=1), atol=1e-5)
    finally:
        OBSERVATIONS.pop("root_speed", None)


def test_a_reader_of_ones_own(body, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_READERS", [])
    exec(EXAMPLES["reader"], {})
    (mine,) = registry._READERS
    np.savetxt(tmp_path / "stand.qpos", np.tile(body.standing_qpos, (5, 1)), header="qpos")
    file = MotionFile(tmp_path / "stand.qpos")
    assert mine.recognises(file) and mine.suffixes == (".qpos",)
    (clip,) = mine.read(file, ReadOptions())
    np.testing.assert_allclose(clip.qpos, np.tile(body.standing_qpos, (5, 1)))


def test_a_control_of_ones_own(body):
    made = {}
    exec(EXAMPLES["control"], made)

    class Spy:
        def step_excitations(self, excitation):
            self.excitation = excitation

    from kinesis_trl.envs.control.config import DirectConfig

    spy, control = Spy(), made["GentleControl"](body, 1, DirectConfig())
    control.step(spy, np.full((1, control.width), 1.0), None)
    assert spy.excitation.shape == (1, body.model.nu) and spy.excitation.max() == pytest.approx(0.5)


def test_a_preset_of_ones_own(tmp_path):
    (tmp_path / "my_walk.py").write_text(EXAMPLES["preset"])
    found = presets_of(tmp_path / "my_walk.py")
    assert found["my-walk"].run.total_steps == 2_000_000 and found["my-walk"].run.name == "my-walk"
