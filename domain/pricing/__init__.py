"""The price engine: which of a variant's records is paid, why, until when, and beside which comparison."""
