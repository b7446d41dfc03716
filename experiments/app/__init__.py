"""What the programs share: flags, the life of a run, the screen."""
