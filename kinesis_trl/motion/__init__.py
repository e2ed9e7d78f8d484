"""Recorded or made-up motion in, references for the body out."""
