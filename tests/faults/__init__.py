"""Kills in the middle of checkouts, and what has to be true afterwards."""
