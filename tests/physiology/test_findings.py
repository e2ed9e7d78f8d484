"""What figures mean in words."""

from __future__ import annotations

from kinesis_trl.physiology.findings import judge, muscle_quality, spans_in_words


def muscle(verdict, active=((0.0, 50.0),)):
    table = {"reference": [[60.0, 70.0]], "jaccard": 0.0, "balanced_accuracy": 0.5}
    return {"verdict": verdict, "active": active, "tables": {"perry": table}}


def leg(**values):
    rows = {
        name: {"decisive": name != "vastus lateralis", "model": [stem], "value": value}
        for name, (stem, value) in values.items()
    }
    return {"long head": {"muscles": rows}}


def test_weak_and_strong_muscles():
    found = {
        "muscles": {
            **{f"soleus_{s}": muscle("agrees") for s in "rl"},
            **{f"tibant_{s}": muscle("agrees") for s in "rl"},
            **{f"grac_{s}": muscle("differs") for s in "rl"},
            "psoas_r": muscle("differs"),
            "psoas_l": muscle("agrees"),
            **{f"vaslat_{s}": muscle("not decided") for s in "rl"},
        }
    }
    emg = {
        side: leg(soleus=("soleus", 0.8), tibialis=("tibant", r), **{"vastus lateralis": ("vaslat", -0.5)})
        for side, r in (("r", 0.7), ("l", 0.1))
    }
    quality = muscle_quality(found, emg)
    # one weak leg is enough; one leg of odd timing is not; a muscle in which people disagree is not judged by r
    assert [row["muscle"] for row in quality["weak"]] == ["tibialis anterior", "gracilis"]
    assert quality["weak"][0]["r"] == [0.7, 0.1] and quality["weak"][1]["r"] is None
    assert [row["muscle"] for row in quality["strong"]] == ["soleus"]
    assert quality["weak"][1]["people"] == {"perry": "60–70"} and quality["weak"][1]["here"] == "0–50"


def test_spans_in_words():
    assert spans_in_words([]) == "never" and spans_in_words([(0, 100)]) == "always"
    assert spans_in_words([(0, 12.5), (80, 100)]) == "0–12, 80–100"


def test_a_mean_between_two_ranges_is_within_them_together():
    row = {"mean": 1.05, "unit": "s", "within": True, "ranges": [{"low": 1.06, "high": 1.21}]}
    section = {"runs": {"p": {"measures": {"stride_time": row}, "symmetry": {"stance": 2.0}}}}
    assert judge("gait", section, "p")[0] == "good"
    assert judge("gait", section, "nobody") == ("unknown", "", "Cannot be said: nothing was recorded.")


def test_ranges_of_another_speed_are_said():
    speed = {"mean": 0.8, "unit": "m/s", "within": None, "ranges": []}
    length = {"mean": 0.9, "unit": "m", "within": False, "ranges": [{"low": 1.3, "high": 1.6}]}
    section = {"runs": {"p": {"measures": {"speed": speed, "stride_length": length}, "symmetry": {}}}}
    state, headline, text = judge("gait", section, "p")
    assert state == "poor" and headline == "0 of 1 measures in range"
    assert "stride length (0.9 m, usual 1.3 to 1.6)" in text and "walks at 0.80 m/s, the ranges are of 1.20" in text


def floor(first, valley, second, *, two_peaks=1.0, support=1.0):
    means = {"first_peak": first, "valley": valley, "second_peak": second, "two_peaks": two_peaks}
    stance = {name: {"mean": value, "sd": 0.1} for name, value in means.items()}
    found = {"stance": stance, "impulse": {"support": {"mean": support, "sd": 0.0}}}
    return judge("ground", {"runs": {"p": found}}, "p")


def test_two_humps_alone_are_not_like_people():
    state, headline, text = floor(1.28, 0.58, 1.43)
    assert state == "poor" and headline.startswith("1 of 3 forces in people's band")
    assert "valley 0.58 body weights (people 0.65 to 0.98, too low)" in text and "1.38, too high" in text
    assert floor(1.28, 0.7, 1.43)[0] == "fair"
    assert floor(1.1, 0.75, 1.1)[0] == "good"
    assert floor(1.1, 0.75, 1.1, two_peaks=0.5)[0] == "fair" and floor(1.1, 0.75, 1.1, support=0.9)[0] == "fair"
