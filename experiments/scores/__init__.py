"""How good a run's answers are, beside those that take no network."""
