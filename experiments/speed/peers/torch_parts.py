"""What the ways to train with PyTorch have in common."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from experiments.speed.peers import line


def network(sizes: Sequence[int], seed: int) -> Any:
    """A network with He's Gaussian kernels and zero biases."""
    torch.manual_seed(seed)
    layers: list[Any] = []
    for num_inputs, num_outputs in itertools.pairwise(sizes):
        layer = nn.Linear(num_inputs, num_outputs)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def tensors(pixels: np.ndarray, labels: np.ndarray, device: str = "cpu") -> tuple[Any, Any]:
    """A set's inputs, (N, features) float32 from 0 to 1, and labels, (N,) int64."""
    inputs, classes = torch.from_numpy(line.scaled(pixels)), torch.from_numpy(labels).long()
    return inputs.to(device), classes.to(device)


def settle(device: str) -> None:
    """Returns when a GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def in_memory(
    data: line.Data,
    work: line.Work,
    pause: Callable[[], None],
    compiled: Callable[[Any], Any] = lambda model: model,
    device: str = "cpu",
) -> list[float]:
    """As `line.Train`: all tensors are made once, and batches are rows of them."""
    inputs, labels = tensors(data.train_inputs, data.train_labels, device)
    test = tensors(data.test_inputs, data.test_labels, device)
    model = compiled(network(work.sizes(inputs.shape[1]), work.seed).to(device))
    optimizer = torch.optim.Adam(model.parameters(), lr=work.learning_rate, fused=True)
    for epoch in range(1, work.num_epochs + 1):
        for rows in torch.randperm(len(inputs), device=device).split(work.batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        if work.has_test(epoch):
            accuracy(model, *test)
        settle(device)
        pause()
    return [accuracy(model, *test)]


def accuracy(model: Callable[[Any], Any], inputs: Any, labels: Any) -> float:
    """The share of a set, as `tensors` has it, that a network has right."""
    with torch.no_grad():
        return float((model(inputs).argmax(dim=1) == labels).float().mean())
