"""How one-time codes reach a telephone: printed for developers, or handed to a provider of text messages."""
