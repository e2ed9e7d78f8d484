"""An observation as a list of terms: its width, where each term is, its mirror image, and the numbers themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from kinesis_trl.body.model import BodyModel
from kinesis_trl.envs.config import ObservationConfig
from kinesis_trl.envs.scene import Scene
from kinesis_trl.envs.symmetry import ObservationMirror
from kinesis_trl.envs.terms.observations import OBSERVATIONS


class Layout:
    """The terms of a config, one after the other, for one body.

    Attributes:
        config: names of the terms.
        terms: their declarations.
        mirror: mirrors an observation.
        width: numbers in an observation.
        places: where each term is, by its name.
    """

    def __init__(self, body: BodyModel, config: ObservationConfig) -> None:
        """Look the terms up.

        Raises:
            ValueError: a name that is not declared.
        """
        unknown = [name for name in config.terms if name not in OBSERVATIONS]
        if unknown:
            raise ValueError(f"no observation term {unknown[0]!r}; choose of {', '.join(OBSERVATIONS)}.")
        self.config = config
        self.terms = [OBSERVATIONS[name] for name in config.terms]
        rules = [term.mirror(body, len(config.reference_steps)) for term in self.terms]
        self.mirror = ObservationMirror(rules)
        self.places: dict[str, slice] = {}
        self.width = 0
        for name, (index, _) in zip(config.terms, rules, strict=True):
            self.places[name] = slice(self.width, self.width + len(index))
            self.width += len(index)
        self._size = None if body.entry.subject is None else self._of_size(body)

    def compose(self, scene: Scene) -> Tensor:
        """Observation (R, width), float32."""
        seen = torch.cat([term.compute(scene) for term in self.terms], dim=-1)
        return (seen if self._size is None else seen / self._size).float()

    def _of_size(self, body: BodyModel) -> Tensor:
        """(width,) what each number of a body with a size is to be divided by."""
        length, mass = body.relative_size
        factor = {"": 1.0, "m": length, "N": mass, "N m": mass * length}
        size = torch.ones(self.width, dtype=torch.float64)
        for term in self.terms:
            size[self.places[term.name]] = factor[term.unit]
        return size

    def table(self) -> str:
        """The terms as a Markdown table: where they are, how wide, and what they say."""
        lines = ["| term | numbers | what |", "|---|---|---|"]
        for term in self.terms:
            place = self.places[term.name]
            says = (term.compute.__doc__ or "").splitlines()[0]
            lines.append(f"| `{term.name}` | {place.start}–{place.stop - 1} | {says} |")
        return "\n".join(lines)


def without_inverse(config: ObservationConfig) -> ObservationConfig:
    """What can be observed of motions that have no inverse solutions."""
    return config.without(*(name for name in config.terms if OBSERVATIONS[name].needs_inverse))
