"""Re-uploading circuits in the frame where the weights' rotations are diagonal."""
