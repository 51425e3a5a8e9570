"""Touch codes, and to whom every cent of revenue is credited."""
