"""Configs to YAML and back, strictly."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest

from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.experiments.imitation import PRESETS
from kinesis_trl.settings import SettingsError, from_yaml, to_yaml
from kinesis_trl.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5
    sizes: tuple[int, ...] = (3, 2)


@dataclass(frozen=True, kw_only=True)
class Outer:
    kind: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)
    path: Path | None = None
    pair: tuple[int, float] = (1, 2.0)
    enabled: bool = True

    def __post_init__(self):
        if self.inner.rate < 0:
            raise ValueError("rate must not be negative.")


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_survives(name):
    config = PRESETS[name][1]
    assert from_yaml(TrainConfig, to_yaml(config)) == config


def test_unions_and_paths_survive():
    config = replace(
        PRESETS["laptop"][1], actor=GaussianConfig(log_std=-1.5), clips=Path("a/b.txt"), experts=(Path("x"),)
    )
    assert from_yaml(TrainConfig, to_yaml(config)) == config
    nested = Outer(kind="b", inner=Inner(rate=1, sizes=()), path=Path("p"), pair=(4, 5.5))
    assert from_yaml(Outer, to_yaml(nested)) == nested


def test_left_out_fields_keep_their_defaults():
    assert from_yaml(Outer, "inner: {rate: 2}") == Outer(inner=Inner(rate=2.0))


@pytest.mark.parametrize(
    "text, says",
    [
        ("inner: {rat: 2}", "did you mean 'rate'"),
        ("inner: {rate: fast}", "settings.inner.rate is 'fast'; expected float"),
        ("kind: c", "choose one of 'a', 'b'"),
        ("pair: [1]", "has 1 values; expected 2"),
        ("inner: 3", "expected the fields of Inner"),
        ("enabled: 1", "expected bool"),
        ("inner: {rate: -1}", "must not be negative"),
        ("inner: {_type: Outer}", "is a 'Outer'"),
        ("[1, 2", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_what_does_not_fit_is_refused(text, says):
    with pytest.raises(SettingsError, match=says):
        from_yaml(Outer, text)


def test_a_field_of_an_earlier_version_is_named_with_what_it_is_now():
    with pytest.raises(SettingsError, match="'lookahead', which is now observation"):
        from_yaml(ImitationConfig, "lookahead: [2]", where="env")
