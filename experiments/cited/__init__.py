"""What docs/results.md cites: which commands, what came out of them, and the page of it."""
