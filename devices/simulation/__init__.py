"""A shelf that exists only in memory: labels that sleep, poll, lose messages, wear batteries and remember."""
