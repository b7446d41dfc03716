"""What `make gpu` measures: the programs, the promises and the speed on a GPU, in minutes."""
