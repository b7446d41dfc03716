"""The classic PyTorch script: a DataLoader that makes each image a tensor, one at a time."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from experiments.speed.peers import line
from experiments.speed.peers.torch_parts import network

TEST_BATCH = 1000  # that of PyTorch's own examples/mnist


class Images:
    """What torchvision's MNIST does with the transform ToTensor, written out."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        side = math.isqrt(pixels.shape[1])
        self.pixels, self.labels = pixels.reshape(-1, side, side), labels.tolist()

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = Image.fromarray(self.pixels[index])
        pixels = torch.from_numpy(np.array(image, copy=True))[:, :, None]
        tensor = pixels.permute(2, 0, 1).contiguous()
        return tensor.to(torch.float32).div(255), self.labels[index]


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    images: Any = Images(data.train_inputs, data.train_labels)
    loader: Any = DataLoader(images, work.batch_size, shuffle=True)
    test_images: Any = Images(data.test_inputs, data.test_labels)
    test_loader: Any = DataLoader(test_images, TEST_BATCH)
    model = network(work.sizes(data.train_inputs.shape[1]), work.seed)
    model.insert(0, nn.Flatten())
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=work.learning_rate)
    for epoch in range(1, work.num_epochs + 1):
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
        if work.has_test(epoch):
            accuracy(model, test_loader)
        pause()
    return [accuracy(model, test_loader)]


def accuracy(model: Any, loader: Any) -> float:
    """The share of a loader's images that a network has right."""
    num_right, num_images = 0, 0
    with torch.no_grad():
        for inputs, labels in loader:
            num_right += (model(inputs).argmax(dim=1) == labels).sum().item()
            num_images += len(labels)
    return num_right / num_images


if __name__ == "__main__":
    line.serve(train, "torch", "pillow")
