"""The door of the graph: everything between a socket and the schema."""
