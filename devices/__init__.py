"""Adapters to shelf-label hardware, real and simulated, and the face a label shows."""
