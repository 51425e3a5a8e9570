"""Partners, their keys, the documents they published, and how much these are used."""
