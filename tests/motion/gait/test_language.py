"""Sentences: what they mean, and what is said of those that mean nothing here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinesis_trl.motion.gait.commands import CommandError
from kinesis_trl.motion.gait.language import SentenceError, closest_clip, parse, text_to_clip


def _degrees(command):
    return round(np.degrees(command.angle))


@pytest.mark.parametrize(
    "sentence",
    [
        "walk forward",
        "a person walks forward",
        "Someone is walking in a straight line.",
        "go ahead",
        "he walked forwards",
    ],
)
def test_walking_forward_in_many_words(sentence):
    (command,) = parse(sentence)
    assert command.gait == "walk" and command.forward > 0.8 and command.angle == 0.0


@pytest.mark.parametrize(
    "sentence", ["walk backward", "the man walks backwards", "a person moves back", "step backward"]
)
def test_walking_backward_in_many_words(sentence):
    (command,) = parse(sentence)
    assert command.forward < -0.3


@pytest.mark.parametrize(
    ("sentence", "degrees"),
    [
        ("turn left", 90),
        ("a person turns to the right", -90),
        ("turn left by 45 degrees", 45),
        ("he rotates 180 degrees clockwise", -180),
        ("turn around", 180),
        ("turn around to the right", -180),
        ("make a quarter turn to the left", 90),
        ("do a U-turn", 180),
        ("a half turn to the right", -180),
        ("turn slightly left", 30),
        ("spin", 360),
    ],
)
def test_turns_on_the_spot(sentence, degrees):
    (command,) = parse(sentence)
    assert command.speed == 0.0 and _degrees(command) == degrees


@pytest.mark.parametrize(
    ("sentence", "degrees"),
    [
        ("walk in a circle", 360),
        ("a person walks in a clockwise circle", -360),
        ("walks in a circle counterclockwise", 360),
        ("walk in circles to the right", -360),
        ("walk half a circle to the left", 180),
        ("walk in two circles", 720),
    ],
)
def test_circles(sentence, degrees):
    (command,) = parse(sentence)
    assert command.speed > 0.5 and _degrees(command) == degrees


def test_sequence_of_three():
    walk, turn, stop = parse("a person walks forward slowly, then turns around and stops")
    assert 0.0 < walk.speed < 0.8 and _degrees(turn) == 180 and not stop.moves


@pytest.mark.parametrize(
    ("sentence", "metres"),
    [
        ("run 5 m", 5.0),
        ("walk forward for 2 meters", 2.0),
        ("walk three metres", 3.0),
        ("walk 250 cm", 2.5),
        ("walk 10 feet", 3.048),
        ("walk at 1.2 m/s for 3 seconds", 3.6),
        ("walk at 3.6 km/h for 2 seconds", 2.0),
        ("take four side-steps to the left", 1.2),
        ("step to the right twice", 0.6),
    ],
)
def test_measures(sentence, metres):
    (command,) = parse(sentence)
    assert command.distance == pytest.approx(metres)


def test_steps_become_a_distance():
    four, eight = (parse(f"walk {n} steps")[0].distance for n in (4, 8))
    assert 2.0 < four < 3.0 and eight == pytest.approx(2 * four)


def test_sides_standing_and_running():
    assert parse("step to the right")[0].left < 0
    assert parse("walk sideways to the left")[0].left > 0
    assert parse("stand still for two seconds")[0].seconds == 2.0
    assert parse("he runs fast")[0].speed > parse("he jogs")[0].speed > 1.8
    assert parse("very slowly walk")[0].speed < parse("walk slowly")[0].speed < parse("walk")[0].speed


def test_while_joins_walking_and_turning():
    (command,) = parse("walk forward while slowly turning to the right")
    assert command.speed > 0 and _degrees(command) == -90


def test_repetition_and_inherited_verb():
    assert len(parse("turn left three times")) == 3
    ahead, back = parse("walk forward then backward")
    assert ahead.forward > 0 > back.forward
    assert len(parse("walk back and forth")) == 4


def test_walking_back_after_turning_around_goes_forward():
    _, command = parse("turn around and walk back")
    assert command.forward > 0


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("dance wildly", "'dance', 'wildly'"),
        ("walk forward and jump", "'jump'"),
        ("", "empty"),
        ("walk 3", "at '3'"),
        ("then", "not understood"),
        ("turn left right", "left and right"),
        ("walk in place", "on the spot"),
        ("turn left 1000 times", "1 to 20"),
        ("walk " * 1000, "letters"),
    ],
)
def test_what_is_not_understood_is_said(sentence, said):
    with pytest.raises(SentenceError, match=said):
        parse(sentence)


def test_messages_say_what_is_possible():
    with pytest.raises(SentenceError, match="It knows: walk"):
        parse("fly to the moon")


def test_too_fast_is_the_commands_error():
    with pytest.raises(CommandError, match="too fast"):
        parse("walk at 9 m/s")


CLAUSES = [
    "walk forward", "a man walks slowly", "turns left", "run 4 m", "step to the right", "stands for 2 seconds",
    "walk in a clockwise circle", "goes backwards", "turn around",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=6),
    st.sampled_from([" and ", ", then ", "; ", " and then "]),
)
def test_a_sentence_means_what_its_clauses_mean(clauses, link):
    assert parse(link.join(clauses)) == [command for clause in clauses for command in parse(clause)]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CLAUSES),
    st.sampled_from(["left", "right"]),
    st.sampled_from(["turn", "step", "walk", "veer", "spin"]),
)
def test_left_and_right_are_mirror_images(clause, side, verb):
    other = "left" if side == "right" else "right"
    first, second = parse(f"{clause} then {verb} {side}"), parse(f"{clause} then {verb} {other}")
    assert second[-1].turn_rate == pytest.approx(-first[-1].turn_rate)
    assert second[-1].left == pytest.approx(-first[-1].left)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(["walk", "turn", "3", "m", "s", "and", "left", "very", "twice", "circle", ";", "radius", "°"])
    ).map(" ".join)
)
def test_any_text_is_parsed_or_refused_politely(sentence):
    try:
        assert parse(sentence)
    except (SentenceError, CommandError) as error:
        assert str(error)


def test_sentence_to_clip(body):
    clip = text_to_clip("walk forward for 2 meters, then turn left", body, seed=3)
    again = text_to_clip("walk forward for 2 meters, then turn left", body, seed=3)
    assert np.array_equal(clip.qpos, again.qpos)
    assert clip.label == "walk forward for 2 meters, then turn left"
    assert np.linalg.norm(clip.qpos[-1, :2] - clip.qpos[0, :2]) == pytest.approx(2.0, abs=0.1)


def test_the_closest_label_is_found():
    labels = [
        "a person runs forward",
        "someone walks in a counterclockwise circle",
        "walks backwards",
        "a person turns left",
    ]
    assert closest_clip("walking in a circle", labels)[0] == 1
    assert closest_clip("turn left", labels)[0] == 3
    index, likeness = closest_clip("walks backwards", labels)
    assert index == 2 and likeness == pytest.approx(1.0)


@pytest.mark.parametrize("labels", [[], ["xyz"]])
def test_no_label_alike_is_said(labels):
    with pytest.raises(SentenceError, match="labels"):
        closest_clip("walk", labels)
