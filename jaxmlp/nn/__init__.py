"""Networks: layers, activations, initializers."""
