"""Runs OpenSim in a process of its own: `tables FILES` or `dynamics COORDINATES FORCES FOLDER SIZE`; prints JSON."""

from __future__ import annotations

import json
import sys

import opensim as osim

MASS = {"thigh": 0.100, "shank": 0.0465, "foot": 0.0145, "trunk": 0.678}
CENTRE = {"thigh": 0.433, "shank": 0.433, "foot": 0.5}
GYRATION = {"thigh": 0.323, "shank": 0.302, "foot": 0.475}


def segment(name, part, size, length, centre):
    mass, inertia = MASS[part] * size["mass"], MASS[part] * size["mass"] * (GYRATION[part] * length) ** 2
    thin = 0.1 * inertia
    along = osim.Inertia(thin, inertia, inertia) if part == "foot" else osim.Inertia(inertia, thin, inertia)
    return osim.Body(name, mass, osim.Vec3(*centre), along)


def axes(names, directions):
    transform = osim.SpatialTransform()
    for place, (name, direction) in enumerate(zip(names, directions, strict=True)):
        axis = transform.updTransformAxis(place)
        axis.setCoordinateNames(osim.ArrayStr(name, 1))
        axis.setAxis(osim.Vec3(*direction))
        axis.set_function(osim.LinearFunction(1.0, 0.0))
    for place, direction in list(enumerate([(0, 0, 1), (1, 0, 0), (0, 1, 0)]))[len(names) :]:
        transform.updTransformAxis(place).setAxis(osim.Vec3(*direction))  # axes that nothing turns about
    return transform


def model(size):
    made = osim.Model()
    made.setName("winter")
    made.setGravity(osim.Vec3(0, -9.81, 0))
    trunk = osim.Body("pelvis", MASS["trunk"] * size["mass"], osim.Vec3(-0.05, 0.3, 0), osim.Inertia(3, 1, 3))
    made.addBody(trunk)
    names = ["pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz"]
    root = axes(names, [(0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    zero = osim.Vec3(0)
    made.addJoint(osim.CustomJoint("ground_pelvis", made.getGround(), zero, zero, trunk, zero, zero, root))
    for side, sign in (("r", 1), ("l", -1)):
        thigh = segment(f"femur_{side}", "thigh", size, size["thigh"], (0, -CENTRE["thigh"] * size["thigh"], 0))
        shank = segment(f"tibia_{side}", "shank", size, size["shank"], (0, -CENTRE["shank"] * size["shank"], 0))
        foot = segment(f"calcn_{side}", "foot", size, size["foot"] + 0.07, (0.05, -0.03, 0.0))
        for part in (thigh, shank, foot):
            made.addBody(part)
        x, y, z = size["hip"]
        hips = [f"hip_flexion_{side}", f"hip_adduction_{side}", f"hip_rotation_{side}"]
        turns = axes(hips, [(0, 0, 1), (sign, 0, 0), (0, sign, 0)])
        made.addJoint(
            osim.CustomJoint(f"hip_{side}", trunk, osim.Vec3(x, y, sign * abs(z)), zero, thigh, zero, zero, turns)
        )
        knee = axes([f"knee_angle_{side}"], [(0, 0, -1)])
        place = osim.Vec3(0, -size["thigh"], 0)
        made.addJoint(osim.CustomJoint(f"knee_{side}", thigh, place, zero, shank, zero, zero, knee))
        ankle = axes([f"ankle_angle_{side}"], [(0, 0, 1)])
        place = osim.Vec3(-0.025 * size["shank"], -size["shank"], 0)
        made.addJoint(osim.CustomJoint(f"ankle_{side}", shank, place, zero, foot, zero, zero, ankle))
    made.finalizeConnections()
    return made


def loads(forces, path):
    made = osim.ExternalLoads()
    made.setDataFileName(forces)
    for side in "rl":
        force = osim.ExternalForce()
        force.setName(f"floor_{side}")
        force.set_applied_to_body(f"calcn_{side}")
        force.set_force_expressed_in_body("ground")
        force.set_point_expressed_in_body("ground")
        force.set_force_identifier(f"ground_force_{side}_v")
        force.set_point_identifier(f"ground_force_{side}_p")
        force.set_torque_identifier(f"ground_torque_{side}_")
        made.cloneAndAppend(force)
    made.printToXML(path)


def dynamics(coordinates, forces, folder, size):
    path = f"{folder}/winter.osim"
    model(json.loads(size)).printToXML(path)
    loads(forces, f"{folder}/external_loads.xml")
    tool = osim.InverseDynamicsTool()
    tool.setModelFileName(path)
    tool.setCoordinatesFileName(coordinates)
    tool.setLowpassCutoffFrequency(-1)
    tool.setExternalLoadsFileName(f"{folder}/external_loads.xml")
    tool.setResultsDir(folder)
    tool.setOutputGenForceFileName("inverse_dynamics.sto")
    time = osim.Storage(coordinates)
    tool.setStartTime(time.getFirstTime())
    tool.setEndTime(time.getLastTime())
    return tool.run()


def tables(*paths):
    found = []
    for path in paths:
        table = osim.TimeSeriesTable(path)
        found.append([table.getNumRows(), table.getNumColumns()])
    return found


if __name__ == "__main__":
    osim.Logger.setLevelString("off")
    print(json.dumps({"tables": tables, "dynamics": dynamics}[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
