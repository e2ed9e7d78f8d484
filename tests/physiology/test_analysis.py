"""The report's figures: of a walk made from kinematics, and of runs in which something is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from kinesis_trl.physiology.activity import activity_of, activity_of_controls
from kinesis_trl.physiology.analysis import analyse, plain
from kinesis_trl.physiology.cells import number
from kinesis_trl.physiology.emg_data import load_emg_csv, load_wang2023
from kinesis_trl.physiology.findings import grade, worst
from kinesis_trl.physiology.page import TITLES, page
from kinesis_trl.physiology.recorded_controls import load_original_controls
from kinesis_trl.physiology.strides import Run, collect


@pytest.fixture(scope="module")
def walk_report(body, walk):
    return analyse(
        [Run(title="played", recordings=(walk,)), Run(title="solved", recordings=(walk,), replayed=True)],
        body,
        emg="no EMG here",
    )


def test_strides_of_a_walk_are_straight_and_those_of_turning_are_not(walk):
    strides, clips = collect(Run(title="walk", recordings=(walk,)))
    assert strides is not None and min(strides.count(0), strides.count(1)) >= 2
    assert 0.7 < strides.speed < 1.6 and 0.9 < strides.seconds < 1.4
    assert clips[0]["strides"] == strides.count(0) + strides.count(1)
    assert strides.pool(lambda r: r.activation, 0).shape == (strides.count(0), 101, 80)
    backward = walk.qpos.copy()
    backward[:, 3:7] = [0, 0, 0, 1]  # the pelvis looks back
    none, clips = collect(Run(title="back", recordings=(replace(walk, qpos=backward),)))
    assert none is None and clips[0]["others"] > 2 and "not walking straight" in clips[0]["note"]
    every, _ = collect(Run(title="back", recordings=(replace(walk, qpos=backward),)), straight=False)
    assert every is not None and every.count(0) >= strides.count(0)


def test_a_walk_gets_every_section(walk_report):
    sections = walk_report["sections"]
    assert list(sections) == [name for name in TITLES if name not in ("fatigue", "lesion", "speeds")]
    json.dumps(walk_report, allow_nan=False)
    measures = sections["gait"]["runs"]["played"]["measures"]
    assert measures["stance"]["within"] and 55 < measures["stance"]["mean"] < 70
    assert measures["stance"]["mean"] + measures["swing"]["mean"] == pytest.approx(100, abs=1e-3)
    knee = sections["joints"]["runs"]["played"]["curves"]["angle"]["knee"]
    assert 45 < max(knee["mean"]) < 75 and knee["coverage"] > 70 and knee["sd_published"]
    assert not sections["joints"]["runs"]["played"]["curves"]["moment"]["hip"]["sd_published"]
    assert len(sections["muscles"]["runs"]["played"]["muscles"]) == 80
    assert sections["effort"]["runs"]["played"]["metabolic"]["Bhargava 2004"]["transport"] > 1
    assert sections["muscles"]["emg"]["reason"] == "no EMG here"
    assert all(s["sentence"] for s in sections.values())


def test_a_replayed_motion_has_no_floor_force_but_everything_else(walk_report):
    runs = walk_report["sections"]["ground"]["runs"]
    assert "replayed" in runs["solved"]["reason"] and runs["played"]["n"] > 3
    assert "reason" not in walk_report["sections"]["joints"]["runs"]["solved"]


def test_standing_has_no_cycle_and_the_report_still_appears(body, statue, walk):
    report = analyse([Run(title="stands", recordings=(statue,))], body, emg="none")
    assert "no stride" in report["runs"][0]["reason"] and "no gait cycle" in report["runs"][0]["clips"][0]["note"]
    for name in ("gait", "joints", "ground", "muscles", "effort"):
        assert report["sections"][name]["state"] == "unknown"
        assert "no stride" in report["sections"][name]["sentence"]
    html = page(report, heading="standing", facts=[])
    assert all(f"{k}. {TITLES[name]}" in html for k, name in enumerate(report["sections"], 1))
    both = analyse([Run(title="two", recordings=(statue, walk))], body, emg="none")
    assert both["runs"][0]["clips"][0]["strides"] == 0 and both["sections"]["gait"]["state"] != "unknown"


def test_strides_before_a_fall_are_used_and_it_is_said(body, walk):
    floor = walk.other_force.copy()
    late = int(0.6 * len(floor))
    floor[late:, 2] = 300.0
    fallen = replace(walk, other_force=floor, fell=True)
    whole, _ = collect(Run(title="w", recordings=(walk,)))
    report = analyse([Run(title="fell", recordings=(fallen,))], body, emg="none")
    run = report["runs"][0]
    assert 0 < sum(run["strides"]) < whole.count(0) + whole.count(1)
    assert run["fell"] == 1 and "fell after" in run["clips"][0]["note"]


def test_unknown_muscles_and_short_recordings_are_said_and_the_rest_appears(body, walk, tmp_path):
    table = tmp_path / "own.csv"
    recorded = (("long", range(0, 101, 2)), ("short", range(0, 20, 2)))
    rows = [f"{s},{p},{1 + np.sin(p / 16)},{1 + np.cos(p / 16)},1" for s, points in recorded for p in points]
    table.write_text("subject,percent,soleus,tibialis anterior,elbow wiggler\n" + "\n".join(rows))
    report = analyse([Run(title="walk", recordings=(walk,))], body, emg=load_emg_csv(table))
    emg = report["sections"]["muscles"]["emg"]
    assert any("elbow wiggler" in note for note in emg["notes"]) and any("short left out" in n for n in emg["notes"])
    leg = emg["columns"]["walk"]["l"]["long head"]
    assert set(leg["muscles"]) == {"soleus", "tibialis anterior"} and leg["subjects"] == ["long"]
    assert "two are needed" in emg["people"][0]["reason"]
    html = page(report, heading="own", facts=[])
    assert "elbow wiggler" in html and "two are needed" in html and "tibialis posterior" in html


def test_the_original_and_people_stand_beside(body, walk, shared):
    folder = shared / "data" / "physiology" / "kinesis_emg"
    original = activity_of_controls(load_original_controls(folder))
    report = analyse([Run(title="walk", recordings=(walk,))], body, emg=load_wang2023(folder), controls=[original])
    emg = report["sections"]["muscles"]["emg"]
    assert emg["people"][-1]["speed"] == 1.25 and emg["people"][-1]["mean"] == pytest.approx(0.731, abs=0.002)
    assert emg["columns"]["original KINESIS"]["as published"]["mean"]["value"] == pytest.approx(0.362, abs=0.005)
    short, long = (
        emg["columns"]["walk"]["l"][head]["muscles"]["biceps femoris"]["value"] for head in ("short head", "long head")
    )
    assert short != long
    assert report["sections"]["muscles"]["runs"]["original KINESIS"]["signal"] == "excitation"
    low, value, high = (emg["columns"]["walk"]["l"]["long head"]["median"][k] for k in ("low", "value", "high"))
    assert low <= value <= high


def test_excitation_is_compared_with_emg_beside_activation(body, walk, shared):
    people = load_wang2023(shared / "data" / "physiology" / "kinesis_emg")
    late = replace(walk, excitation=np.roll(walk.activation, 3, axis=0))
    same = replace(walk, excitation=walk.activation)
    emg, twice = (
        analyse([Run(title="walk", recordings=(r,))], body, emg=people)["sections"]["muscles"] for r in (late, same)
    )
    for side in "rl":
        leg, equal = emg["emg"]["columns"]["walk"][side], twice["emg"]["columns"]["walk"][side]
        assert leg["excitation"]["median"]["value"] != leg["long head"]["median"]["value"]
        assert equal["excitation"]["median"] == equal["long head"]["median"]
    assert "their excitations, which lead as EMG does, by" in emg["sentence"] and emg["sentence"] != twice["sentence"]
    solved = analyse([Run(title="walk", recordings=(same,), replayed=True)], body, emg=people)["sections"]["muscles"]
    assert "excitation" not in solved["emg"]["columns"]["walk"]["l"] and "excitations" not in solved["sentence"]


def test_two_reports_side_by_side(body, walk):
    strong = analyse([Run(title="walk", recordings=(walk,))], body, emg="none")
    activation = walk.activation.copy()
    activation[:, walk.muscle("tibant_l")] = 0
    cut = replace(walk, activation=activation)
    report = analyse([Run(title="walk", recordings=(cut,))], body, emg="none", against=json.loads(json.dumps(strong)))
    section = report["sections"]["comparison"]
    changed = section["changes"][0]
    assert changed["muscle"] == "tibant_l" and changed["this"] == 0 < changed["other"]
    rows = {row["name"]: row for row in section["rows"]}
    assert "left tibialis anterior" in section["sentence"]
    assert rows["stance"]["this"] == rows["stance"]["other"] and rows["stance"]["state"] == "unknown"
    cost = rows["cost of transport, Bhargava 2004"]
    assert 2.88 < cost["this"] < cost["other"] and cost["state"] == "good"
    assert section["headline"] == "1 figure better, 0 worse" and section["state"] == "good"
    broken = analyse([Run(title="walk", recordings=(cut,))], body, emg="none", against={"runs": [{}]})
    assert "not complete" in broken["sections"]["comparison"]["reason"]


def test_page_is_self_contained_and_escapes_names(body, walk):
    report = analyse([Run(title="<b>odd</b>", recordings=(replace(walk, clip="<script>x</script>"),))], body, emg="<i>")
    html = page(report, heading="<h1>", facts=["<u>"])
    assert "<script" not in html and "<b>odd" not in html and "<i>" not in html.replace("<i style", "")
    assert "http-equiv" not in html and 'src="http' not in html and "<link" not in html
    assert html.count("data:image/svg+xml") > 50


def test_grades():
    assert [grade(v, 80, 60) for v in (80, 79, 60, 59)] == ["good", "fair", "fair", "poor"]
    assert [grade(v, 1, 5) for v in (1, 2, 5, 6)] == ["good", "fair", "fair", "poor"]
    assert worst("good", "unknown", "fair") == "fair" and worst("unknown") == "unknown"
    assert plain({"a": np.array([1.0, np.nan]), "b": (np.True_, np.int64(3))}) == {"a": [1.0, None], "b": [True, 3]}


def test_activity_is_that_of_the_strides(walk):
    strides, _ = collect(Run(title="walk", recordings=(walk,)))
    activity = activity_of(strides)
    assert len(activity.leg("r")) == len(activity.leg("l")) == 40
    assert activity.samples().shape == (101 * (strides.count(0) + strides.count(1)), 80)
    first = strides.found[0][1].of("right")[0]
    np.testing.assert_allclose(activity.profiles["r"][0, 0], walk.activation[first.strike])


@pytest.mark.parametrize(
    "value, form, said",
    [
        (None, ".2f", "–"),
        (-0.04, "+.1f", "+0.0 m"),
        (-0.004, ".2f", "0.00 m"),
        (-0.06, "+.1f", "-0.1 m"),
        (10.0, ".0f", "10 m"),
    ],
)
def test_a_number_that_is_rounded_to_zero_has_no_minus(value, form, said):
    assert number(value, form, " m") == said
