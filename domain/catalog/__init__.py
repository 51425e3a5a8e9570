"""What is sold: its content, its codes, and the words it is found by."""
