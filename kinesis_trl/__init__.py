"""Train and study controllers for the human musculoskeletal body."""

import ctypes.util
import os
import sys

__version__ = "0.2.0"

_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
MISSING_OPENGL = ""
"""What MUJOCO_GL asks for although its library is not installed: without pictures, everything else works."""

# MuJoCo picks its OpenGL backend when it is first imported, and with a backend whose library is missing that fails;
# without a display only EGL and OSMesa can draw.
if sys.platform == "linux":
    _asked = os.environ.get("MUJOCO_GL", "").lower().strip()
    if _asked in _LIBRARIES and not ctypes.util.find_library(_LIBRARIES[_asked]):
        MISSING_OPENGL, os.environ["MUJOCO_GL"] = _asked, "disable"
    elif not _asked and not os.environ.get("DISPLAY"):
        for _name, _library in _LIBRARIES.items():
            if ctypes.util.find_library(_library):
                os.environ["MUJOCO_GL"] = _name
                break
