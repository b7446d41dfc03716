"""Pictures of runs and of populations."""
