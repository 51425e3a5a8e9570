"""Prices: the append-only record, what it answers in public, and the offers that are only words."""
