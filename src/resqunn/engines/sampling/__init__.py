"""Finite numbers of shots: samples of what a circuit measures, whichever engine evaluates it."""
