"""Data on its way out: answers for everything at once, in bounded memory."""
