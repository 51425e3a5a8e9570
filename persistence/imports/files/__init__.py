"""A shop's own files: their columns, and how each cell is read."""
