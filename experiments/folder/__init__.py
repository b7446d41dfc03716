"""The folder that a run leaves: its place, its records, and what proves them."""
