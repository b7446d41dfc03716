"""Parameters and whole trainings in files, and what produced them."""
