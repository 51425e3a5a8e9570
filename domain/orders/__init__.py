"""Orders: what was asked for, which moves its state allows, how it is numbered and how money is shared."""
