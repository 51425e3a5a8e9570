"""Pickups in PostgreSQL: the queue of every store, and the wrong codes somebody tried there."""
