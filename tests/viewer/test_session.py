"""The session as a state machine, with a made-up simulation; and with the real body."""

import threading
import time

import numpy as np
import pytest

from kinesis_trl.viewer.frame_rate import FrameRate
from kinesis_trl.viewer.session import HOLD, Choice, Session


class Counting:
    """A simulation whose pose is a counter; it falls or ends where told."""

    def __init__(self, title="counting", fall=None):
        self.title, self.seconds, self.fall = title, None, fall
        self.strength, self.obeyed, self.now = None, [], -1
        self.goal, self.heading, self.pushed = None, 0.0, []

    def begin(self):
        self.now = 0

    def step(self):
        self.now += 1
        return "fell" if self.now == self.fall else "on"

    def fatigued(self):
        return None

    def pose(self):
        turn = [np.cos(self.heading / 2), 0.0, 0.0, np.sin(self.heading / 2)]
        return np.array([float(self.now), 0.0, 0.0, *turn]), np.full(80, self.now / 100), None

    def weaken(self, strength):
        self.strength = strength.copy()

    def save(self):
        return self.now

    def restore(self, saved):
        self.now = saved

    def result(self):
        return "Odd."

    def push(self, force, seconds):
        self.pushed.append((force, seconds))

    def command(self, name):
        if name != "go":
            raise ValueError(f"no command {name!r}")
        self.obeyed.append(name)


@pytest.fixture
def simulation():
    return Counting()


@pytest.fixture
def counting(body, simulation):
    made = Session(body, lambda choice: simulation)
    made.change(Choice())
    made.settle()
    yield made
    made.close()


def ticks(session, count):
    for _ in range(count):
        session.tick()


def test_time_goes_on_only_while_playing(counting):
    ticks(counting, 5)
    assert counting.shown.qpos[0] == 5 and counting.shown.seconds == pytest.approx(5 / 30)
    counting.set_playing(False)
    assert not counting.tick() and counting.shown.qpos[0] == 5


def test_play_goes_on_from_where_it_was_scrubbed_to(counting, simulation):
    ticks(counting, 20)
    counting.scrub(8 / 30)
    assert not counting.playing and counting.shown.qpos[0] == 8 and len(counting.moments) == 21
    counting.scrub(99.0)
    assert counting.shown.qpos[0] == 20
    counting.scrub(8 / 30)
    counting.set_playing(True)
    ticks(counting, 1)
    assert counting.shown.qpos[0] == 9 and len(counting.moments) == 10 and simulation.now == 9
    with pytest.raises(ValueError, match="finite"):
        counting.scrub(float("nan"))


def test_it_begins_anew_after_a_fall_and_says_so(body):
    simulation = Counting(fall=4)
    session = Session(body, lambda choice: simulation)
    session.change(Choice())
    session.settle()
    ticks(session, 4)
    assert session.outcome == "fell" and session.falls == 1 and session.verdict == "Fell after 0.1 s. Odd."
    ticks(session, HOLD - 1)
    assert session.shown.qpos[0] == 4  # the end stays in view for a while
    ticks(session, 1)
    assert session.outcome == "on" and session.episodes == 2 and session.shown.qpos[0] == 0
    assert session.verdict  # still to be read
    session.close()


def test_scrubbing_back_from_a_fall_takes_it_up_again(body):
    simulation = Counting(fall=4)
    session = Session(body, lambda choice: simulation)
    session.change(Choice())
    session.settle()
    ticks(session, 6)
    session.scrub(2 / 30)
    session.set_playing(True)
    simulation.fall = None
    ticks(session, 5)
    assert session.outcome == "on" and session.shown.qpos[0] == 7
    session.close()


def test_the_past_is_bounded(counting):
    counting.moments = type(counting.moments)(counting.moments, maxlen=10)
    ticks(counting, 25)
    assert len(counting.moments) == 10 and counting.shown.qpos[0] == 25
    counting.scrub(0.0)
    assert counting.shown.qpos[0] == 16
    counting.set_playing(True)
    ticks(counting, 1)
    assert counting.shown.qpos[0] == 17 and counting.shown.seconds == pytest.approx(17 / 30)


def test_a_choice_that_cannot_be_played_leaves_the_present_one(body, simulation):
    def make(choice):
        if choice.clip == "bad":
            raise ValueError("no clip 'bad' here")
        if choice.clip == "worse":
            raise ZeroDivisionError("oops")
        return simulation

    session = Session(body, make)
    session.change(Choice(clip="good"))
    session.settle()
    for clip, said in (("bad", "no clip 'bad' here"), ("worse", "ZeroDivisionError: oops")):
        session.another(clip=clip)
        session.settle()
        assert session.message == said and session.simulation is simulation and session.choice.clip == "good"
    session.another(clip="fine")
    session.settle()
    assert session.message == "" and session.choice.clip == "fine"
    session.close()


def test_time_goes_on_while_something_is_prepared_and_the_newest_choice_wins(body, simulation):
    gate, second = threading.Event(), Counting("second")

    def make(choice):
        if choice.clip == "slow":
            gate.wait(10)
            return Counting("slow")
        return second if choice.clip == "second" else simulation

    session = Session(body, make)
    session.change(Choice(clip="first"))
    session.settle()
    session.another(clip="slow")
    session.another(clip="second")
    assert session.preparing.clip == "second"
    ticks(session, 3)
    assert session.simulation is simulation and session.shown.qpos[0] == 3
    gate.set()
    session.settle()
    assert session.simulation is second and session.preparing is None
    session.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("prepare")]


def test_muscles_are_weakened_healed_and_stay_weak_in_the_next_play(counting, simulation):
    names = list(counting.body.muscle_names)
    soleus = names.index("soleus_r")
    counting.weaken(["soleus_r", "tibant_l"], 0.0)
    assert simulation.strength[soleus] == 0 and simulation.strength.sum() == 78
    counting.weaken_all(0.5)
    assert simulation.strength.sum() == 39 and counting.weakened == {"soleus_r": 0.0, "tibant_l": 0.0}
    counting.weaken(["soleus_r"], 0.4)
    assert simulation.strength[soleus] == pytest.approx(0.2)
    simulation.strength = None
    counting.change(Choice())
    counting.settle()
    assert simulation.strength[soleus] == pytest.approx(0.2)
    counting.weaken(names, 1.0)
    counting.weaken_all(1.0)
    assert (simulation.strength == 1).all() and not counting.weakened
    for wrong in (lambda: counting.weaken(["soleuss_r"], 0.0), lambda: counting.weaken_all(1.5)):
        before = simulation.strength.copy()
        with pytest.raises(ValueError, match=r"did you mean|expected 0"):
            wrong()
        assert (simulation.strength == before).all()


def test_commands_reach_the_play(counting, simulation):
    counting.command("go")
    assert simulation.obeyed == ["go"]
    with pytest.raises(ValueError, match="no command"):
        counting.command("fly")


def test_pushes_come_from_a_side_of_the_body(counting, simulation):
    counting.push(100.0, "behind")
    simulation.heading = np.pi / 2  # it faces left of the world
    for side in ("behind", "front", "left"):
        counting.push(100.0, side)
    forces = [force for force, seconds in simulation.pushed if seconds == 0.2]
    for force, wanted in zip(forces, ([100, 0, 0], [0, 100, 0], [0, -100, 0], [100, 0, 0]), strict=True):
        assert force == pytest.approx(wanted, abs=1e-9)
    for force, side in ((1e308, "left"), (float("nan"), "left"), (-1.0, "left"), (10.0, "above")):
        with pytest.raises(ValueError, match="a push of"):
            counting.push(force, side)
    assert len(simulation.pushed) == 4


@pytest.mark.parametrize("seconds", [1e308, -1e308, 1e9, -1.0])
def test_any_finite_time_can_be_scrubbed_to(counting, seconds):
    ticks(counting, 5)
    counting.scrub(seconds)
    assert counting.shown.qpos[0] == (5 if seconds > 0 else 0)


def test_an_unknown_muscle_is_said_with_few_suggestions(counting):
    with pytest.raises(ValueError, match="no muscle 'xyzzy'") as said:
        counting.weaken(["xyzzy"], 0.0)
    assert len(str(said.value)) < 120 and str(said.value).count(",") <= 2


def test_traces_end_at_the_moment_shown(counting):
    ticks(counting, 50)
    seconds, lines = counting.trace(("soleus_r", "tibant_l"), frames=10)
    assert lines.shape == (2, 10) and lines[:, -1] == pytest.approx(0.5) and seconds[-1] == pytest.approx(50 / 30)
    counting.scrub(0.0)
    assert counting.trace((), frames=10)[1].shape == (0, 1)


def test_slowness_is_measured_and_said(counting):
    rate = FrameRate()
    for k in range(100):
        rate.note(k / 20)
    assert rate.rate == pytest.approx(20, rel=0.05)
    rate.restart()
    assert rate.rate is None
    counting.frame_rate = rate
    for k in range(100):
        rate.note(k / 20)
    assert "20 of the 30 frames/s" in counting.slow
    counting.set_speed(0.5)
    for k in range(100):
        rate.note(k / 15)
    assert counting.slow == ""
    with pytest.raises(ValueError, match="speed"):
        counting.set_speed(0.0)


def test_the_real_body_goes_on_to_the_same_numbers_after_scrubbing(session):
    ticks(session, 12)
    before = session.shown.qpos.copy()
    session.scrub(5 / 30)
    session.set_playing(True)
    ticks(session, 7)
    assert (session.shown.qpos == before).all()
    session.scrub(5 / 30)
    session.weaken(["soleus_r", "gasmed_r", "vaslat_r", "vasmed_r", "vasint_r"], 0.0)
    session.set_playing(True)
    ticks(session, 7)
    assert np.abs(session.shown.qpos - before).max() > 1e-4
    assert session.trace(("soleus_r",))[1][0, -1] < session.trace(("soleus_l",))[1][0, -1]


def test_a_push_moves_the_real_body_for_a_while_and_scrubbing_undoes_it(session):
    ticks(session, 8)
    before = session.shown.qpos.copy()
    session.scrub(2 / 30)
    session.set_playing(True)
    session.push(300.0, "right")
    ticks(session, 1)  # going back in time forgets a push
    session.push(300.0, "right")
    ticks(session, 5)
    assert session.shown.qpos[1] > before[1] + 0.01  # from its right to its left
    session.scrub(2 / 30)
    session.set_playing(True)
    ticks(session, 6)
    assert (session.shown.qpos == before).all()


def test_an_episode_ends_with_its_clip(session):
    begun = time.monotonic()
    while session.outcome == "on" and time.monotonic() - begun < 30:
        session.tick()
    assert session.outcome in ("ended", "fell") and session.moments[-1].seconds <= session.simulation.seconds + 1e-6
