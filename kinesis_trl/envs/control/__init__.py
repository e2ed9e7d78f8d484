"""What an action means: an object that knows its width, its mirror, its start, and how a policy step follows from it.

A new control is a file here with a `ControlConfig` and the `Control` that it makes, and a word in `registry.CONTROLS`.
"""

from kinesis_trl.envs.control.base import Control, ControlConfig, Reference
from kinesis_trl.envs.control.coordinated import CoordinatedConfig, CoordinatedControl
from kinesis_trl.envs.control.direct import DirectConfig, DirectControl
from kinesis_trl.envs.control.feedforward import Feedforward, FeedforwardConfig, FeedforwardControl, InverseSolutions
from kinesis_trl.envs.control.lengths import LengthConfig, LengthControl
from kinesis_trl.envs.control.registry import CONTROLS, ControlArgument, ControlName, control_named

__all__ = [
    "CONTROLS",
    "Control",
    "ControlArgument",
    "ControlConfig",
    "ControlName",
    "CoordinatedConfig",
    "CoordinatedControl",
    "DirectConfig",
    "DirectControl",
    "Feedforward",
    "FeedforwardConfig",
    "FeedforwardControl",
    "InverseSolutions",
    "LengthConfig",
    "LengthControl",
    "Reference",
    "control_named",
]
