"""Promotions as they are kept: their terms, their budgets, and who had them how often."""
