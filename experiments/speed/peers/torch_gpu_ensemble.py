"""PyTorch's torch.func on the GPU: one vmap over the stacked parameters of networks."""

import functools

import torch

from experiments.speed.peers import line
from experiments.speed.peers.torch_ensemble import train

if __name__ == "__main__":
    where = "cuda" if torch.cuda.is_available() else "cpu"
    line.serve(functools.partial(train, device=where), "torch")
