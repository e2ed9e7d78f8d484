"""A person's own size: height, mass and segment lengths, as text that is part of a body's name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from kinesis_trl.failures import PrintableError
from kinesis_trl.settings import from_yaml, read_settings

HEIGHTS = (1.2, 2.2)
"""Smallest and largest stature in metres."""
MASSES = (25.0, 200.0)
"""Smallest and largest mass in kg."""


class SubjectError(PrintableError):
    """A size that no body can have, or text that gives none; the message says what was expected."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A person's size; what is None follows from the rest (`body/scaling.py` has the rules)."""

    height: float | None = None
    """Stature in metres."""
    mass: float | None = None
    """Mass of the whole body in kg; None: in proportion to the height squared, as at one body mass index."""
    thigh: float | None = None
    """Distance of hip and knee centres in metres."""
    shank: float | None = None
    """Distance of knee and ankle centres in metres."""
    foot: float | None = None
    """Distance of ankle and toe joint centres in metres."""
    pelvis: float | None = None
    """Distance of the hip centres in metres."""
    trunk: float | None = None
    """Height of the top of the head above the hip centres, standing, in metres."""

    def __post_init__(self) -> None:
        for name, (low, high), unit in (("height", HEIGHTS, "m"), ("mass", MASSES, "kg")):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SubjectError(f"a {name} of {value:g} {unit}; bodies are made from {low:g} to {high:g} {unit}.")
        for name, value in self.segments.items():
            if not value > 0:
                raise SubjectError(f"a {name} of {value:g} m; expected a positive length in metres.")

    @property
    def segments(self) -> dict[str, float]:
        """Lengths that are given, by segment, in metres."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("height", "mass")}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def text(self) -> str:
        """Canonical text: height=1.62,mass=58; '' for the body as it is."""
        given = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ",".join(f"{name}={round(value, 4):g}" for name, value in given if value is not None)

    @classmethod
    def read(cls, text: str) -> Subject:
        """A subject of `height=1.62,mass=58`, or of a YAML file with these fields.

        Raises:
            SubjectError: neither, or sizes that no body can have.
            SettingsError: a file that does not fit.
        """
        if text.endswith((".yaml", ".yml")):
            found = read_settings(cls, Path(text))
        else:
            pairs = [part.partition("=") for part in text.replace(",", " ").split()]
            if not pairs or not all(key and sign and value for key, sign, value in pairs):
                raise SubjectError(f"a subject {text!r}; expected such as height=1.62,mass=58, or a .yaml file.")
            found = from_yaml(cls, "\n".join(f"{key}: {value}" for key, _, value in pairs), where="subject")
        if not found.text:
            raise SubjectError("a subject without any size; give height, mass or segment lengths.")
        return found


def split_name(name: str) -> tuple[str, Subject | None]:
    """Body and subject that a name stands for: `legs:height=1.62,mass=58`.

    Raises:
        SubjectError: what follows the colon is no subject.
    """
    base, colon, text = name.rpartition(":")
    if not colon or "=" not in text:
        return name, None
    return base, Subject.read(text)


def sized(body: str, subject: str) -> str:
    """Name of `body` in the size of `subject` (as `Subject.read` takes it); '' leaves it as it is.

    Raises:
        SubjectError: a body that has a size already, or a subject that is none.
    """
    base, own = split_name(body)
    if not subject:
        return body if own is None else f"{base}:{own.text}"
    if own is not None:
        raise SubjectError(f"body {body!r} has a size already; give it once.")
    return f"{base}:{Subject.read(subject).text}"
