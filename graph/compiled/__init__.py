"""A compiler of GraphQL operations: one Python function for each, instead of an interpreter for all."""
