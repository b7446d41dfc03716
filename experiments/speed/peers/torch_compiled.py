"""The same as `torch_memory`, through torch.compile, which needs a C++ compiler."""

from collections.abc import Callable

import torch

from experiments.speed.peers import line
from experiments.speed.peers.torch_parts import in_memory


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    return in_memory(data, work, pause, torch.compile)


if __name__ == "__main__":
    line.serve(train, "torch")
