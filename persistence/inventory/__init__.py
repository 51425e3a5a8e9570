"""Stock: a level per store and sku, and the movements that explain it."""
