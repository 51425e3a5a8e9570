"""What outlives the process: tables and statements in PostgreSQL, and the news of what changed."""
