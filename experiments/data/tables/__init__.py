"""Tables of columns as data: read, understood, divided, and made into the inputs of a network."""
