"""The proof against the published networks: reference files and a user's own baseline."""
