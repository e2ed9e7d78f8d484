"""Sentences about moving on foot → motion commands → clip, by a small grammar; and look-up among labelled clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files

import lark
import numpy as np

from kinesis_trl.body.model import BodyModel
from kinesis_trl.motion.clip import MotionClip
from kinesis_trl.motion.gait.clauses import ABILITIES, RUNNERS, TURNERS, Clause, SentenceError, clause_commands, counted
from kinesis_trl.motion.gait.commands import Command
from kinesis_trl.motion.gait.footsteps import GaitStyle
from kinesis_trl.motion.gait.synthesis import synthesise

MAX_LETTERS = 2000
"""Longest sentence."""
MAX_REPEATS = 20
"""Most repetitions of one clause."""

_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_NUMBERS |= {"twelve": 12, "twenty": 20, "thirty": 30, "a couple of": 2, "a few": 3, "several": 3}
_UNITS = {
    "METRE": ("distance", 1.0),
    "CENTIMETRE": ("distance", 0.01),
    "FOOT": ("distance", 0.3048),
    "SECOND": ("seconds", 1.0),
    "MINUTE": ("seconds", 60.0),
    "STEP": ("steps", 1.0),
    "DEGREE": ("angle", np.pi / 180.0),
    "METRE_PER_SECOND": ("speed", 1.0),
    "KM_PER_HOUR": ("speed", 1 / 3.6),
}
"""What a unit measures, by the name of a clause's field, and the factor to metres, seconds and radians."""


def parse(sentence: str) -> list[Command]:
    """Commands that a sentence asks for, in order.

    Args:
        sentence: English, e.g. "a person walks forward for 3 meters, then turns around and stops".

    Returns:
        At least one command.

    Raises:
        SentenceError: empty, too long, or with words that are not understood; says which and what is possible.
        CommandError: understood, but beyond what the gait generator can do (too fast, too long).
    """
    if len(sentence) > MAX_LETTERS:
        raise SentenceError(f"a sentence of {len(sentence)} letters; at most {MAX_LETTERS}.")
    if not sentence.strip():
        raise SentenceError(f"an empty sentence. {ABILITIES}")
    try:
        tree = _grammar().parse(sentence)
    except lark.exceptions.UnexpectedInput as error:
        rest = sentence[max(error.pos_in_stream or 0, 0) :].strip()
        place = f"at {rest[:30]!r}" if rest else "at its end"
        raise SentenceError(f"{sentence[:80]!r} is not understood {place}. {ABILITIES}") from error
    clauses = list(_clauses(tree))
    unknown = [word for clause in clauses for word in clause.unknown]
    if unknown:
        raise SentenceError(f"not understood: {', '.join(map(repr, unknown))}. {ABILITIES}")
    commands: list[Command] = []
    turned = False
    for clause in map(counted, clauses):
        commands += clause_commands(clause, turned) * clause.times
        turned = clause.verb in TURNERS and ("AROUND" in clause.words or (clause.angle or 0) > 2.6)
    return commands


def text_to_clip(sentence: str, body: BodyModel, seed: int = 0) -> MotionClip:
    """A clip that does what a sentence says; `seed` chooses the person's style. Errors as of `parse`."""
    commands = parse(sentence)
    style = GaitStyle.sample(np.random.default_rng(seed))
    label = " ".join(sentence.split())
    return synthesise(
        commands, body, style=style, name=f"{label[:60]} ({seed})", label=label, category="text", source="sentence"
    )


def closest_clip(sentence: str, labels: Sequence[str]) -> tuple[int, float]:
    """Index of the label most like a sentence, and the likeness from 0 to 1.

    Cosine of word and letter-trigram counts, weighted by how rare each is among the labels.

    Raises:
        SentenceError: no label, or none that shares anything with the sentence.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  slow to import

    likeness = np.zeros(len(labels))
    if len(labels) and _features(sentence):
        weighted = TfidfVectorizer(analyzer=_features, sublinear_tf=True).fit_transform([sentence, *labels])
        likeness = (weighted[1:] @ weighted[0].T).toarray().ravel()
    if likeness.max(initial=0.0) <= 0.0:
        raise SentenceError(f"none of {len(labels)} labels is like {sentence!r}; describe one of the clips.")
    return int(likeness.argmax()), float(likeness.max())


def _features(text: str) -> list[str]:
    """Words and their letter trigrams."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return [f"word:{w}" for w in words] + [f" {w} "[k : k + 3] for w in words for k in range(len(w))]


@lru_cache(maxsize=1)
def _grammar() -> lark.Lark:
    text = files("kinesis_trl.motion.gait").joinpath("sentences.lark").read_text(encoding="utf-8")
    return lark.Lark(text, parser="lalr", maybe_placeholders=False)


def _clauses(tree: lark.Tree[lark.Token]) -> Iterator[Clause]:
    """The clauses of a sentence; those without a verb complete or repeat the one before."""
    held: Clause | None = None
    link: set[str] = set()
    for part in tree.children:
        if not isinstance(part, lark.Tree):
            continue
        if part.data == "link":
            link = {str(token.type) for token in part.children if isinstance(token, lark.Token)}
            continue
        clause = _read(part)
        if held is None:
            held = clause
        elif "WHILE" in link:
            held = _together(held, clause)
        elif not clause.verb and link == {"COMMA"}:
            held = _merged(held, clause)
        else:
            yield held
            held = clause if clause.verb else replace(clause, verb=held.verb, pace=clause.pace or held.pace)
    assert held is not None
    yield held


def _read(tree: lark.Tree[lark.Token]) -> Clause:
    """A clause from its part of the parse tree."""
    out = Clause()
    for item in tree.children:
        if isinstance(item, lark.Token):
            out = replace(out, unknown=(*out.unknown, str(item)))
            continue
        tokens = [t for t in item.scan_values(lambda v: isinstance(v, lark.Token))]
        names = [str(t.type) for t in tokens]
        if item.data == "verb":
            out = _with_verb(out, tokens[0])
        elif item.data == "quantity":
            out = _measured(out, _value(tokens[0]), names[-1])
        elif item.data == "repeat":
            out = replace(out, times=_times(tokens[0]))
        elif item.data == "fraction":
            share = {"HALF": 0.5, "QUARTER": 0.25, "FULL": 1.0}[names[0]]
            out = replace(out, share=share, words=out.words | {names[0]})
        elif item.data == "manner":
            step = {"SLOWLY": -1, "FAST": 1}.get(names[-1], 0) * (2 if "VERY" in names else 1)
            out = replace(out, pace=step or out.pace, words=out.words | ({"SLIGHTLY"} & set(names)))
        elif "RADIUS" in names:
            out = replace(out, radius=_value(tokens[1]))
        else:
            circles = _value(tokens[0]) if len(tokens) > 1 else out.circles
            out = replace(out, words=out.words | {names[-1]}, circles=circles)
    return out


def _with_verb(clause: Clause, verb: lark.Token) -> Clause:
    name, word = str(verb.type), verb.lower()
    if clause.verb and name in TURNERS | RUNNERS and name != clause.verb:
        raise SentenceError(f"two things at once ({verb}); put 'then' or 'while' between them. {ABILITIES}")
    words = clause.words | ({"SIDEWAYS"} if "side" in word else set()) | ({"AROUND"} if word.startswith("u") else set())
    return replace(clause, verb="STAND" if name == "STAND" else clause.verb or name, words=words)


def _times(token: lark.Token) -> int:
    count = {"TWICE": 2.0, "ONCE": 1.0}.get(str(token.type)) or _value(token)
    if not (1 <= count <= MAX_REPEATS and count == int(count)):
        raise SentenceError(f"{count:g} times; a clause can be repeated 1 to {MAX_REPEATS} times.")
    return int(count)


def _measured(clause: Clause, value: float, unit: str) -> Clause:
    if value <= 0:
        raise SentenceError(f"a measure of {value:g}; give one above 0.")
    field, factor = _UNITS[unit]
    return replace(clause, **{field: factor * value})  # type: ignore[arg-type]


def _value(token: lark.Token) -> float:
    text = " ".join(token.lower().split())
    return float(_NUMBERS[text]) if text in _NUMBERS else float(text)


def _merged(first: Clause, second: Clause) -> Clause:
    """The first clause with what the second adds to it."""
    measures = ("distance", "seconds", "steps", "angle", "speed", "radius", "circles")
    given = {name: value for name in measures if (value := getattr(second, name)) is not None}
    return replace(
        first,
        **given,
        words=first.words | second.words,
        pace=second.pace or first.pace,
        times=max(first.times, second.times),
        share=min(first.share, second.share),
        unknown=first.unknown + second.unknown,
    )


def _together(first: Clause, second: Clause) -> Clause:
    """Two clauses done at the same time: walking while turning."""
    turning = {first.verb, second.verb} & TURNERS
    moving, other = (second, first) if first.verb in TURNERS else (first, second)
    if (turning and moving.verb not in {"STAND", *TURNERS}) or not second.verb or first.verb == second.verb:
        return replace(_merged(moving, other), words=moving.words | other.words | ({"BEND"} if turning else set()))
    raise SentenceError(f"'while' can join walking or running with turning, not these. {ABILITIES}")
