"""Rates and latencies of the house beside their ceilings: `make bench`, one file per subject."""
