"""Equal bits from one process to another on a GPU, where the compiler's default is not to care."""

import os
from collections.abc import Mapping
from typing import Any

import jax

from jaxmlp.runtime import receipt

# By default XLA times several kernels for a product, or a sum, and takes the one that was fastest
# at that moment; and some add in the order in which threads arrive. The first flag leaves these
# out, the second times none: the first that compiles is taken. --xla_gpu_deterministic_ops, the
# older name, says both. cuBLAS gets its workspace from XLA, on one stream, and needs no variable.
WANTED = {"--xla_gpu_exclude_nondeterministic_ops": "true", "--xla_gpu_autotune_level": "0"}
HELP = (
    "Have a GPU take the same kernels in each process, so that two on one kind of GPU end with the "
    "same bits; slower. On a CPU they do so in any case."
)
REMARK = (
    "it ran on a GPU without --deterministic, where two processes may take other kernels for the "
    "same product: their last bits may differ though nothing is wrong"
)


def use() -> None:
    """Has XLA take the same kernels in each process; on a CPU it does so anyway.

    Raises:
      ValueError: if $XLA_FLAGS says otherwise, or JAX has started on a GPU without it.
    """
    given = os.environ.get("XLA_FLAGS", "")
    flags = merged(given)
    if receipt.num_threads() is None:
        os.environ["XLA_FLAGS"] = flags
    elif flags != given and jax.default_backend() != "cpu":
        raise ValueError("--deterministic needs to be set before JAX starts, got it started")


def merged(given: str) -> str:
    """The value of $XLA_FLAGS with what is lacking for equal bits.

    Args:
      given: the value that it has.

    Raises:
      ValueError: if it contradicts.

    >>> merged("--xla_gpu_autotune_level=0 --xla_dump_to=/tmp/x")
    '--xla_gpu_autotune_level=0 --xla_dump_to=/tmp/x --xla_gpu_exclude_nondeterministic_ops=true'
    """
    words = given.split()
    if words and not words[0].startswith("-"):  # XLA reads flags from a file of that name
        raise ValueError(f"--deterministic needs $XLA_FLAGS to be flags, got the file {words[0]}")
    parts = (word.partition("=") for word in words)
    said = {name: value if equals else "true" for name, equals, value in parts}
    for name, value in WANTED.items():
        if said.get(name, value) != value:
            raise ValueError(
                f"--deterministic needs {name}={value} in $XLA_FLAGS, got {name}={said[name]}"
            )
    return " ".join([*words, *(f"{n}={value}" for n, value in WANTED.items() if n not in said)])


def remark(config: Mapping[str, Any], environment: Mapping[str, Any]) -> list[str]:
    """What is to be said where other bits came out, by the config and the environment of a run."""
    is_on_gpu = environment.get("platform") in ("gpu", "cuda", "rocm")
    return [REMARK] if is_on_gpu and not config["deterministic"] else []
