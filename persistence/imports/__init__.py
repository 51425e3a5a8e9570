"""Much data at once: copied into temporary tables and merged from there, in the caller's transaction."""
