"""Promotions: which run, and how they are set."""
