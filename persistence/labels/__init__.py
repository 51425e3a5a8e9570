"""Devices and shelf labels: who hangs where, what each label should show, and what it confirmed."""
