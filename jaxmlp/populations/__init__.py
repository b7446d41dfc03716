"""Training many networks as one program."""
