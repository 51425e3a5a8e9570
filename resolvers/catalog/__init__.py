"""Products, variants and categories: how they are read, listed and set."""
