"""Loyalty in the graph: points, coupons, and what both do to carts and orders."""
