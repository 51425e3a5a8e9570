"""Members: who they are, what they agreed to, and who may see what of them."""
