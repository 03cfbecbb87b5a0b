"""What a network's gradients, and later its circuits, are like."""
