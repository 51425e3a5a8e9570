"""Orders as they are kept: what was sold at which price, how it was paid, and what happened to it since."""
