"""Carts: what somebody means to buy, priced whenever it is read."""
