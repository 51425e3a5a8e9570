"""A label controller: the graph on one side, a radio on the other, and nothing lost between them."""
