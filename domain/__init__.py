"""The core: words and rules, on the standard library alone."""
