"""What a study leaves behind: recordings, and everything as OpenSim opens it."""

from __future__ import annotations

from pathlib import Path

from kinesis_trl.physiology.storage import export_opensim, write_storage
from kinesis_trl.trial.analysis import CONTROLLER, MEASURED, SOLVED, Study
from kinesis_trl.trial.recordings import recording_of


def export_study(study: Study, out: Path) -> list[str]:
    """Write one folder a column (`measured`, `static_optimisation`, `controller`) and the EMG's envelopes.

    Each folder holds recording.npz and the files of `export_opensim`.

    Returns:
        The folders, relative to `out`.
    """
    recordings = {
        MEASURED: recording_of(study.loads, clip=study.trial.name, moments="demanded"),
        SOLVED: recording_of(study.loads, clip=study.trial.name, moments="supplied"),
    }
    if not isinstance(study.followed, str):
        recordings[CONTROLLER] = study.followed.recording
    written = []
    for title, recording in recordings.items():
        folder = title.replace(" ", "_")
        recording.save(out / folder / "recording.npz")
        export_opensim(recording, out / folder)
        written.append(folder)
    if not isinstance(study.emg, str):
        columns = [f"{m.replace(' ', '_')}_{s}" for m, s in zip(study.emg.muscles, study.emg.sides, strict=True)]
        path = out / MEASURED / "emg_envelopes.sto"
        write_storage(path, study.emg.time - study.motion.start, columns, study.emg.activity, in_degrees=False)
    return written
