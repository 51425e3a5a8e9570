"""The subjects that are measured; a file here that declares one is found by itself."""
