"""Orders from the checkout to the last return, and what pays for them."""
