"""Products: what is sold, under which words it is found, and how it is grouped."""
