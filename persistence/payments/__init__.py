"""Payments and refunds as they are kept, beside what their providers told of them."""
