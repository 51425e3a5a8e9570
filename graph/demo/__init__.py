"""The demo mall: what stands in it, and how it gets into a database."""
