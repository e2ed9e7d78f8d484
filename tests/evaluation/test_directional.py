"""Directional control, evaluated."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from kinesis_trl.envs.directional import COMMANDS, Heading, UnknownCommandError
from kinesis_trl.envs.imitation import ImitationConfig
from kinesis_trl.evaluation.directional import (
    SCRIPT,
    Segment,
    command_table,
    draw_commands,
    obey,
    report_commands,
)
from kinesis_trl.evaluation.steering import PlannerSteering, steering_controller
from kinesis_trl.planning.controllers import make_player


class Puppet:
    """Goes where it is told after a delay, off by an angle, and falls at given steps."""

    def __init__(self, *, delay=0.4, off=0.0, falls=()):
        self.place, self.velocity, self.wanted = np.zeros(2), np.zeros(2), np.zeros(2)
        self.delay, self.off, self.falls, self.steps, self.given, self.resets = delay, off, set(falls), 0, 0, 0

    @property
    def env(self):
        return SimpleNamespace(physics=SimpleNamespace(qpos=np.array([[*self.place, 0.94]])))

    def command(self, heading):
        cos, sin = np.cos(self.off), np.sin(self.off)
        self.wanted, self.given = np.array([[cos, -sin], [sin, cos]]) @ heading.velocity, self.steps

    def reset(self):
        self.place, self.velocity, self.resets = np.zeros(2), np.zeros(2), self.resets + 1

    def step(self):
        self.steps += 1
        if self.steps - self.given > self.delay * 30:
            self.velocity = self.wanted
        self.place = self.place + self.velocity / 30
        return self.steps in self.falls


def test_the_script_has_every_command_and_two_minutes():
    assert set(SCRIPT) == set(COMMANDS) and len(SCRIPT) * 6.0 == 120.0


def test_errors_and_response_of_a_known_motion():
    report = report_commands(obey(Puppet(delay=0.4, off=np.radians(10.0))))
    total = report["summary"]
    assert total["falls"] == 0 and total["never_obeyed"] == 0 and total["seconds"] == 120.0
    assert total["direction_error_deg"] == pytest.approx(10.0, abs=0.1)
    assert total["speed_error_m_s"] == pytest.approx(0.0, abs=1e-6)
    # a mean over half a second crosses half of a step when the step is in its middle
    away = report["commands"][0]
    assert away["response"] == pytest.approx(0.4, abs=0.2)
    json.dumps(report, allow_nan=False)
    assert command_table(report).row_count == 21


def test_who_does_not_obey_has_no_response():
    report = report_commands(obey(Puppet(off=np.pi / 2), ["away", "left", "stop"]))
    assert [row["response"] is None for row in report["commands"]] == [True, True, False]
    assert report["summary"]["never_obeyed"] == 2
    assert report["commands"][0]["direction_error"] == pytest.approx(90.0, abs=0.5)


def test_falls_are_counted_and_the_body_stands_up(tmp_path):
    puppet = Puppet(falls=(50, 60, 400))
    segments = obey(puppet, ["away", "left", "faster", "stop"])
    assert [s.falls for s in segments] == [2, 0, 1, 0] and puppet.resets == 3
    report = report_commands(segments)
    assert report["summary"]["falls"] == 3 and report["summary"]["commands_without_fall"] == 2
    assert report["commands"][0]["response"] is None and report["commands"][1]["response"] is not None
    draw_commands(segments, tmp_path / "commands.svg")
    assert b"<svg" in (tmp_path / "commands.svg").read_bytes()


def test_an_unknown_command_is_refused_before_anything_moves():
    puppet = Puppet()
    with pytest.raises(UnknownCommandError, match="fly"):
        obey(puppet, ["away", "fly"])
    assert puppet.steps == 0


def test_both_routes_obey(body):
    player = make_player("zero", body, ImitationConfig())
    for route in ("planner", "policy"):
        steered = steering_controller(body, player, route)
        frames = []
        segments = obey(steered, ["left", "stop"], hold=0.5, on_frame=lambda frames=frames: frames.append(1))
        assert len(segments) == 2 and len(frames) == 30
        assert isinstance(segments[0], Segment) and isinstance(steered, PlannerSteering) == (route == "planner")


def test_a_fallen_body_goes_on_with_its_command(body):
    steered = steering_controller(body, make_player("zero", body, ImitationConfig()), "planner")
    steered.command(Heading(direction=1.0, speed=0.9))
    steered.reset()
    assert steered.env.frame == 0 and steered.env.planner.current.speed == 0.9
