"""Three years of real shelf prices through the engine: `make replay`; the sample of them in the tests."""
