"""Devices and shelf labels in the graph."""
