"""Stores: what they are, and which are near."""
