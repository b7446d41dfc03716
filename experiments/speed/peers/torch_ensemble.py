"""PyTorch's torch.func: one vmap over the stacked parameters of networks, each with its own order.

After PyTorch's tutorial on model ensembling.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from experiments.speed.peers import line
from experiments.speed.peers.torch_parts import network, settle, tensors


def train(
    data: line.Data, work: line.Work, pause: Callable[[], None], device: str = "cpu"
) -> list[float]:
    """As `line.Train`."""
    inputs, labels = tensors(data.train_inputs, data.train_labels, device)
    test_inputs, test_labels = tensors(data.test_inputs, data.test_labels, device)
    seeds = range(work.seed, work.seed + work.num_networks)
    models = [network(work.sizes(inputs.shape[1]), seed).to(device) for seed in seeds]
    params, _ = stack_module_state(models)
    optimizer = torch.optim.Adam(params.values(), lr=work.learning_rate, fused=True)

    def loss(own: dict[str, Any], rows: Any) -> Any:
        return cross_entropy(functional_call(models[0], own, (inputs[rows],)), labels[rows])

    def accuracies() -> list[float]:
        with torch.no_grad():
            outputs = vmap(lambda own: functional_call(models[0], own, (test_inputs,)))(params)
            right = outputs.argmax(dim=2) == test_labels
        return [float(share) for share in right.float().mean(dim=1)]

    gradients = vmap(grad(loss))
    for epoch in range(1, work.num_epochs + 1):
        orders = torch.stack([torch.randperm(len(inputs), device=device) for _ in seeds])
        for rows in orders.split(work.batch_size, dim=1):
            for name, gradient in gradients(params, rows).items():
                params[name].grad = gradient
            optimizer.step()
        if work.has_test(epoch):
            accuracies()
        settle(device)
        pause()
    return accuracies()


if __name__ == "__main__":
    line.serve(train, "torch")
