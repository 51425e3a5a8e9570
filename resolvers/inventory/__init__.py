"""Stock: its levels and movements, and what changes them."""
