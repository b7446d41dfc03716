"""What JAX and the machine are asked for: compiled programs, memory, bars."""
