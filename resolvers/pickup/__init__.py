"""Pickups: the queue of a store, its counter and the code."""
