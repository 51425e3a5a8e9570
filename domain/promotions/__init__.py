"""Promotions: what is taken off a basket above the prices of its lines, and how it is shared out."""
