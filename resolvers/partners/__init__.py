"""Partners, their keys and their published documents."""
