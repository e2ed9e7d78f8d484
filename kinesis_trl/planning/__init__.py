"""Rehearsal: a clip searched for motions and controls that the simulated body can keep up, before it is followed."""
