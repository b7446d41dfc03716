"""What a GPU should reach, by arithmetic, before anybody has measured it.

A step of a population is some 25 kernels, launched one after another from the host: the loop over
steps has bounds that the compiler does not know, so that XLA asks the device after each step
whether there is another one. What these take is the same for any number of members. The rest is
theirs: the products at some share of the device's arithmetic, for they are small and batched, and
then the optimizer's and the gather's bytes at some share of its memory's bandwidth. Kernels run one
after another, so both are added.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from experiments.speed import limit

KERNELS = 25  # of a step: gathers, 5 products, losses and their slopes, sums, Adam of 4 arrays
LAUNCH, SYNC = 3e-6, 15e-6  # seconds of a kernel's launch, and of asking whether to go on
ARITHMETIC, BANDWIDTH = 0.6, 0.8  # shares of the device's that such kernels reach
ADAM = 8 * 4  # bytes a parameter: three arrays and the gradient read, three written, and that too
ROWS = 1 + 3 * 4  # bytes an input: a pixel is gathered, written as float32, and read twice


class Device(NamedTuple):
    """What a device can do at most."""

    name: str
    flops: dict[str, float]  # a second, by precision
    bandwidth: float  # bytes a second


H100 = Device(  # SXM, by NVIDIA's data sheet, without sparsity
    "H100", {"float32": 67e12, "tf32": 494e12, "bfloat16": 989e12}, 3.35e12
)


def step_bytes(sizes: Sequence[int], batch: int = limit.BATCH) -> int:
    """Bytes that a step of a network moves at least, where its state is in the device's memory.

    >>> step_bytes((784, 256, 10)) / 1e6  # 203,530 parameters, and 256 images
    9.122112
    """
    params = sum((i + 1) * o for i, o in itertools.pairwise(sizes))
    return ADAM * params + ROWS * batch * sizes[0]


def epoch_bytes(sizes: Sequence[int], num_examples: int) -> float:
    """The same of an epoch."""
    return step_bytes(sizes) * num_examples / limit.BATCH


def seconds_of_step(device: Device, sizes: Sequence[int], precision: str, members: int) -> float:
    """How long a step of all members should take."""
    products = limit.flops(sizes, limit.BATCH) / (ARITHMETIC * device.flops[precision])
    moved = step_bytes(sizes) / (BANDWIDTH * device.bandwidth)
    return KERNELS * LAUNCH + SYNC + members * (products + moved)


def rate(device: Device, sizes: Sequence[int], precision: str, members: int) -> float:
    """Networks times epochs a second to be expected, of MNIST's number of examples.

    >>> round(rate(H100, (784, 256, 10), "float32", 1))
    43
    """
    steps = -(-limit.NUM_EXAMPLES // limit.BATCH)
    return members / (steps * seconds_of_step(device, sizes, precision, members))
