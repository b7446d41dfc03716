"""What a network is for: losses, metrics, tasks."""
