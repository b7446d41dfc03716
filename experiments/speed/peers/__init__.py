"""What else people train such a network with: a module each, which is run as a process of its own.

A module has one function, `train`, written as its users write it; `line` is how it is told to go on
and says what it did, and `experiments.speed.processes` the other end. A new one gets a row here.
"""

from typing import NamedTuple


class Peer(NamedTuple):
    """A way to train."""

    name: str  # of its module
    what: str
    packages: tuple[str, ...]  # that it needs, and whose versions count
    is_population: bool = False  # trains many networks at once, others one


ALONE, POPULATION = "alone", "population"  # this library's, which all are compared with
OURS = ("jaxmlp", "jax")
PEERS = (
    Peer(ALONE, "jaxmlp.train", OURS),
    Peer(POPULATION, "jaxmlp.train_many", OURS, is_population=True),
    Peer("divided_layer", "train, split layer", OURS),
    Peer("divided_batch", "train, split batch", OURS),
    Peer("torch_memory", "PyTorch in memory", ("torch",)),
    Peer("torch_compiled", "PyTorch compiled", ("torch",)),
    Peer("torch_ensemble", "PyTorch ensemble", ("torch",), is_population=True),
    Peer("torch_classic", "PyTorch DataLoader", ("torch", "pillow")),
    Peer("keras_fit", "Keras on JAX", ("keras", "jax")),
    Peer("flax_loop", "Flax and optax", ("flax", "optax", "jax")),
    Peer("sklearn_mlp", "scikit-learn", ("scikit-learn",)),
)
OWN = {peer.name for peer in PEERS if "jaxmlp" in peer.packages}
