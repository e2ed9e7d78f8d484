"""Motion files of many formats in, `MotionClip`s out."""

from kinesis_trl.motion.readers.dispatch import SUFFIXES, motion_files, read_motion
from kinesis_trl.motion.readers.splits import read_keys, select_split

__all__ = ["SUFFIXES", "motion_files", "read_keys", "read_motion", "select_split"]
