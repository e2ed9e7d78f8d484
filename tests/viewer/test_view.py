"""The command, as a user calls it."""

import os
import re
import socket
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from kinesis_trl.commands.view import ViewConfig, main, orders, prepare
from kinesis_trl.motion.gait.language import text_to_clip
from kinesis_trl.motion.library import MotionLibrary
from kinesis_trl.motion.solving import SolveConfig
from kinesis_trl.planning.references import without_feedback
from kinesis_trl.viewer.panel_muscles import tired_bars


@pytest.fixture(scope="module")
def motions(library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("view") / "march"
    library.save(folder)
    return str(folder)


def quiet():
    return Console(file=open(os.devnull, "w"))


def test_options_reach_the_session(motions, body):
    config = ViewConfig(
        motions=motions, policy="zero", clip="turning", lesion=("tibant_l,soleus_l",), strength=0.7, threads=1
    )
    session, offer = prepare(config, quiet())
    assert session.choice.clip == "turning" and session.choice.policy == "zero"
    assert session.weakened == {"tibant_l": 0.0, "soleus_l": 0.0}
    assert session.simulation.env.physics.strength.max() == pytest.approx(0.7)
    assert "walking" in offer.policies
    session.close()


def test_optimised_motions_are_followed_by_their_regulator(body, tmp_path):
    clip = text_to_clip("walk forward", body)
    short = replace(clip, qpos=clip.qpos[20:41].copy())
    library = MotionLibrary.build([short], body, inverse=SolveConfig())
    without_feedback(body, library).save(tmp_path / "walk")
    session, _ = prepare(ViewConfig(motions=str(tmp_path / "walk"), threads=1), quiet())
    assert session.choice.policy == "regulator"
    session.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"clip": "marhc"}, "did you mean 'march'"),
        ({"lesion": ("tibant_x",)}, "no muscle 'tibant_x'"),
        ({"strength": 1.5}, "expected 0"),
        ({"policy": "nowhere/policy"}, "no policy at nowhere/policy"),
        ({"task": "text", "text": "fly to the moon"}, "not understood: 'fly', 'moon'"),
    ],
)
def test_bad_input_is_said(motions, options, said):
    config = ViewConfig(**{"motions": motions, "policy": "zero", "threads": 1, **options})
    with pytest.raises(ValueError, match=said):
        prepare(config, quiet())


def test_commands_of_a_video():
    config = ViewConfig(task="directional", commands=("away", "faster"), hold=2.0)
    assert orders(config) == ((0.0, "away"), (2.0, "faster"))
    assert orders(ViewConfig()) == ()
    with pytest.raises(ValueError, match="no command 'fly'"):
        ViewConfig(commands=("fly",))
    with pytest.raises(ValueError, match="must be positive"):
        ViewConfig(hold=0.0)


def test_the_command_says_in_one_line_that_a_port_is_in_use(motions, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            main(["--motions", motions, "--policy", "zero", "--port", port, "--no-browser"])
    said = capsys.readouterr()
    assert ended.value.code == 1 and "ViewerError" in said.out and "Traceback" not in said.err


def test_bars_of_tired_muscles_fill_their_width():
    groups = {"triceps surae": np.array([0, 1]), "dorsiflexors": np.array([2])}
    session = SimpleNamespace(body=SimpleNamespace(muscle_groups=groups))
    page = tired_bars(session, np.array([0.2, 0.4, 0.0]), np.array([0.1, 0.5, 1.0]))
    assert re.findall(r"width:(\d+)%", page) == ["30", "40", "30", "0", "0", "100"]
    assert "<span>triceps surae</span><span>30 %</span>" in page and "<span>dorsiflexors</span><span>100 %" in page
