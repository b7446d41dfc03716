"""What is measured on a GPU, the most important first, and the sizes of a rehearsal without one."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple


class Case(NamedTuple):
    """A population to be trained side by side."""

    sizes: tuple[int, ...]
    precision: str
    members: int

    @property
    def name(self) -> str:
        """For a reader, and for a message of what was left out."""
        what = "-".join(map(str, self.sizes))
        return f"{self.members:,} x {what}, {self.precision}"


class Scale(NamedTuple):
    """How large all is."""

    networks: tuple[tuple[int, ...], ...]
    members: tuple[int, ...]
    precisions: tuple[str, ...]
    num_examples: int
    side: int  # of the square matrices whose product sets the limit
    stream: int  # numbers of float32 in the array that sets the limit of memory
    warm_up: float  # seconds of each population that are not counted
    measured: float  # and that are
    epochs: int  # of one network alone, timed
    peer_members: int  # of PyTorch's ensemble
    target: float  # accuracy, which is waited for
    smoke_epochs: int  # of the programs' runs, of which one is killed


FULL = Scale(
    networks=((784, 256, 10), (784, 32, 10)),
    members=(1, 8, 64, 512, 4096),
    precisions=("float32", "tf32", "bfloat16"),
    num_examples=60_000,
    side=8192,
    stream=2**28,
    warm_up=0.5,
    measured=2.0,
    epochs=10,
    peer_members=64,
    target=0.98,
    smoke_epochs=200,
)
SMALL = FULL._replace(
    networks=((64, 16, 10), (64, 4, 10)),
    members=(1, 3),
    precisions=("float32", "bfloat16"),
    num_examples=600,
    side=64,
    stream=2**16,
    warm_up=0.05,
    measured=0.1,
    epochs=2,
    peer_members=2,
    target=0.9,
    smoke_epochs=20,
)


def cases(scale: Scale) -> list[Case]:
    """The populations, the most important first.

    Those of the first network in float32 come first, from small to large: each then takes more
    memory than any before it, which is how its own is known.

    >>> [case.name for case in cases(SMALL)][:3]
    ['1 x 64-16-10, float32', '3 x 64-16-10, float32', '3 x 64-16-10, bfloat16']
    """
    first, *others = scale.networks
    plain, *rest = scale.precisions
    most: Sequence[int] = scale.members[-2:-1] or scale.members
    largest = scale.members[-1]
    order = [Case(first, plain, members) for members in scale.members]
    order += [Case(first, precision, largest) for precision in rest]
    order += [Case(sizes, plain, members) for sizes in others for members in scale.members]
    order += [Case(sizes, each, largest) for sizes, each in itertools.product(others, rest)]
    order += [Case(sizes, each, n) for sizes in scale.networks for each in rest for n in most]
    every = itertools.product(scale.networks, scale.precisions, scale.members)
    return list(dict.fromkeys([*order, *itertools.starmap(Case, every)]))
