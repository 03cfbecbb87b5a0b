"""What the chains engine compiles."""
