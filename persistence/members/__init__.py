"""What is kept of members: tiers, identities, consents, and who looked."""
