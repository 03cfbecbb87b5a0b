"""Training runs: configuration, loop, checkpoints, and the folder of a run."""
