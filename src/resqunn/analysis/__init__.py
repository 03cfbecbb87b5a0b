"""What a network's gradients are like."""
