"""Members in the graph: signing in, the member's own data, and the gate all of it passes."""
