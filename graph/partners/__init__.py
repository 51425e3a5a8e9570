"""Partners at the door: their keys, their documents, their budgets, and how much all of it is used."""
