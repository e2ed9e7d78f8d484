"""Train and study controllers for the human musculoskeletal body."""

import ctypes.util
import os
import sys

__version__ = "0.1.0"

# MuJoCo picks its OpenGL backend when it is first imported; without a display only EGL and OSMesa can draw.
if sys.platform == "linux" and not os.environ.get("DISPLAY") and "MUJOCO_GL" not in os.environ:
    if ctypes.util.find_library("EGL"):
        os.environ["MUJOCO_GL"] = "egl"
    elif ctypes.util.find_library("OSMesa"):
        os.environ["MUJOCO_GL"] = "osmesa"
