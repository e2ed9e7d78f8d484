"""Configs to YAML and back, strictly."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest

from experiments.imitation import PRESETS
from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeConfig
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


def test_a_choice_of_dataclasses_goes_by_its_name():
    actor = "actor: {_type: GaussianConfig, log_std: -1.5}"
    assert from_yaml(TrainConfig, actor).actor == GaussianConfig(log_std=-1.5)
    assert from_yaml(TrainConfig, "actor: {latent_log_std: -1.0}").actor == LatticeConfig(latent_log_std=-1.0)
    with pytest.raises(SettingsError, match=r"expected one of LatticeConfig, GaussianConfig, found 'Network'.*actor"):
        from_yaml(TrainConfig, "actor: {_type: Network}")


@pytest.mark.parametrize(
    "text, says",
    [
        ("inner: {rat: 2}", "did you mean 'rate'"),
        ("inner: {rate: fast}", "expected float, found 'fast' @ settings.inner.rate"),
        ("inner: {sizes: [1, x]}", r"expected int, found 'x' @ settings.inner.sizes\[1\]"),
        ("inner: {sizes: 12}", "expected a list, found 12 @ settings.inner.sizes"),
        ("inner: {sizes: '12'}", "expected a list"),
        ("kind: c", "c not in literal .*'a', 'b'.* @ settings.kind"),
        ("pair: [1]", "expected 2 values, found 1 @ settings.pair"),
        ("pair: [1.5, 2]", "expected int, found 1.5"),
        ("path: 3", "expected str, found 3 @ settings.path"),
        ("inner: {rate: true}", "expected float, found True"),
        ("inner: 3", "expected the fields of Inner"),
        ("enabled: 1", "expected bool"),
        ("inner: {rate: -1}", "must not be negative"),
        ("inner: {_type: Outer}", "expected Inner, found 'Outer'"),
        ("inner: {rat: 2, sizes: 3}", "did you mean 'rate'.*expected a list|expected a list.*did you mean 'rate'"),
        ("inner: {directions: random}", "no field 'directions'; .*leave it out"),
        ("", "expected the fields of Outer, found None"),
        ("[1, 2", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_what_does_not_fit_is_refused(text, says):
    with pytest.raises(SettingsError, match=says):
        from_yaml(Outer, text)
