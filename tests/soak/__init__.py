"""The live path under random kills, for as long as one likes: `make soak minutes=2`."""
