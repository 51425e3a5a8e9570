"""Loyalty: points that balance, the rules they are earned by, and coupons."""
