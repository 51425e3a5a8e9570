"""News: what changed, in one order for everybody, from the outbox to every process."""
