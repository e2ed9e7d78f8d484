"""Configs to YAML and back, strictly."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest

from kinesis_trl.agents.gaussian import GaussianConfig
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.envs.config import ImitationConfig
from kinesis_trl.experiments.imitation import PRESETS
from kinesis_trl.settings import SettingsError, from_yaml, read_settings, to_yaml
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


@dataclass(frozen=True, kw_only=True)
class Shape:
    colour: str = "blue"


@dataclass(frozen=True, kw_only=True)
class Circle(Shape):
    radius: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Holder:
    shape: Shape = field(default_factory=Circle)


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
        ("kind: c", "choose one of 'a', 'b', found 'c' @ settings.kind"),
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


@pytest.mark.parametrize(
    "text, says",
    [
        ("[" * 5000, "nested more than 32"),
        ("inner: " + "{a: " * 5000, "nested more than 32"),
        ("a: &a [1]\nb: *a\n", "aliases"),
        ("x" * 70_000, "at most 65,536"),
        ("kind: " + "9" * 5000, "not YAML of plain settings"),
        ("kind: !!python/object/apply:os.system ['exit 1']", "not YAML of plain settings"),
        ("kind: 2001-99-99", "not YAML of plain settings"),
        ("kind: " + "z" * 5000, "choose one of"),
    ],
)
def test_hostile_files_are_refused_in_a_line(text, says):
    with pytest.raises(SettingsError, match=says) as caught:
        from_yaml(Outer, text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(b"kind: \xff")
    for name in ("pipe", "latin", "missing", "."):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_settings(Outer, tmp_path / name)
    (tmp_path / "good").write_text("kind: b")
    assert read_settings(Outer, tmp_path / "good").kind == "b"


def test_a_subclass_goes_by_its_name():
    given = Holder(shape=Circle(radius=2.0))
    assert from_yaml(Holder, to_yaml(given)) == given
    assert from_yaml(Holder, "shape: {colour: red}") == Holder(shape=Shape(colour="red"))
    with pytest.raises(SettingsError, match=r"expected Shape or Circle, found 'Inner' @ settings.shape"):
        from_yaml(Holder, "shape: {_type: Inner}")


def test_a_field_of_an_earlier_version_is_named_with_what_it_is_now():
    with pytest.raises(SettingsError, match="'lookahead'; it is now observation"):
        from_yaml(ImitationConfig, "lookahead: [2]", where="env")
