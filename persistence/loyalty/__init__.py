"""Loyalty as it is kept: the ledger of points, the rules they are earned by, and coupons."""
