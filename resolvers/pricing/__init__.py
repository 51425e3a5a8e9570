"""Prices: what is charged and why, its history, and how it is set."""
