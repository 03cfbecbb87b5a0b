"""How a circuit is evaluated and differentiated."""
