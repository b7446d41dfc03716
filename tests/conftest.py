"""What the tests share: strictness, compiled programs, reproducible examples, small data sets."""

import gc
import os
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import settings

from jaxmlp import Dataset, cache_compilations
from jaxmlp.runtime import compilation
from jaxmlp.runtime.memory import maps_taken

if "XLA_FLAGS" not in os.environ:
    # Tests compile much and compute little: compiled in a hurry, they take half the time. Bits are
    # looked at by test_as_users_do.py too, and all that is slow as well, without these flags.
    os.environ["XLA_FLAGS"] = (
        "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
        "--xla_cpu_parallel_codegen_split_count=1"
    )
    if jax.__version_info__ < (0, 11):  # later ones end where they do not know a flag
        os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"

# As in the Makefile, or each of a hundred processes would compile all modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # A program that many tests need is compiled once: by one of them, on one of the workers, or in
    # a process that they start; in this run of them or in an earlier one. It is known by all that
    # the compiler is given, so none is ever taken for another. `make clean` takes them away.
    os.environ |= {
        "JAX_COMPILATION_CACHE_DIR": str(
            cache_compilations(Path(__file__).parents[1] / "build" / "compiled")
        ),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }

jax.config.update("jax_numpy_rank_promotion", "raise")
gc.set_threshold(50_000, 20, 20)  # tracing makes many objects, of which few are garbage
jax.devices()  # one, whichever test comes first: a sweep would start JAX with one a core

settings.register_profile("fixed", derandomize=True, database=None, deadline=None, max_examples=20)
settings.load_profile("fixed")


@pytest.fixture(scope="module", autouse=True)
def _programs():
    """Lets go of all compiled programs between modules, before it has to happen within a test."""
    yield
    if maps_taken() > compilation.ROOM / 2:
        compilation.let_go()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """Real 8x8 digits as uint8 pixels: 1,437 to train on, which no usual batch divides, and 360."""
    from sklearn.datasets import load_digits

    inputs, labels = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(len(inputs))
    pixels, labels = (inputs * 15).astype(np.uint8)[shuffled], labels.astype(np.int32)[shuffled]
    return frozen(Dataset(pixels[:1437], labels[:1437], pixels[1437:], labels[1437:]))


@pytest.fixture(scope="session")
def blobs() -> Dataset:
    """Three classes in four dimensions, 50 examples to train on and 30 to test on."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 80).astype(np.int32)
    centres = np.float32([[2, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]])
    inputs = (centres[labels] + 0.4 * random.normal(size=(80, 4))).astype(np.float32)
    return frozen(Dataset(inputs[:50], labels[:50], inputs[50:], labels[50:]))


def frozen(data: Dataset) -> Dataset:
    """The data set with arrays that nobody can write to."""
    for array in data[:4]:
        array.setflags(write=False)
    return data
