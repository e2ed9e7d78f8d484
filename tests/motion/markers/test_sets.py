"""Which set labels belong to, and a user's own map."""

from __future__ import annotations

import pytest

from kinesis_trl.motion.markers.recorded import TrialError
from kinesis_trl.motion.markers.sets import landmarks, marker_sets, place_markers, plain


@pytest.mark.parametrize("name", sorted(marker_sets()))
def test_every_set_is_known_by_its_own_labels(name):
    labels = [f"Anna:{p.format(side=s)}" for p in marker_sets()[name] for s in "RL"]
    found, places = place_markers([*labels, "C7", "STRN"])
    assert found == name
    right = {p.label: p for p in places}
    for label, place in right.items():
        if plain(label).startswith("r") and place.part != "pelvis":
            other = right[label.replace(":R", ":L", 1)]
            assert other.part == place.part.replace("_r", "_l")
            assert other.at == (place.at[0], place.at[1], -place.at[2])


def test_landmarks_are_on_parts_that_the_body_has(body):
    names = {body.model.body(i).name for i in range(body.model.nbody)}
    for part, *_, spread in landmarks().values():
        assert part in names or f"{part}_l" in names
        assert 0 < spread < 0.5


def test_an_own_map_overrules(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("A1: asis_r\nA2: asis_l\nB: sacrum\nC: [tibia_r, 0.01, -0.2, 0.05, 0.02]\n")
    _, places = place_markers(["a1", "A2", "B", "C", "D"], path)
    assert [p.label for p in places] == ["a1", "A2", "B", "C"]
    assert places[1].at[2] == -places[0].at[2] and places[3].part == "tibia_r"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A1: elbow_r\n", "'elbow_r', which is no landmark"),
        ("A1: [tibia_r, 0, 0]\n", "expected a landmark"),
        ("A1: [tibia_r, 0, 0, .nan, 1]\n", "out of reason"),
        ("- 1\n", "no map of labels"),
        ("A1: !!python/object/apply:os.system [ls]\n", "not YAML of plain settings"),
        ("", "no map of labels"),
    ],
)
def test_a_bad_map_is_said(tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(TrialError, match=said):
        place_markers(["A1"], path)


def test_unknown_labels_say_what_is_missing():
    with pytest.raises(TrialError, match="--marker-map"):
        place_markers(["*1", "*2", "RASI", "LASI"])
