"""PyTorch with all tensors on the GPU and a fused Adam; on the processor where there is none."""

import functools

import torch

from experiments.speed.peers import line
from experiments.speed.peers.torch_parts import in_memory

if __name__ == "__main__":
    where = "cuda" if torch.cuda.is_available() else "cpu"
    line.serve(functools.partial(in_memory, device=where), "torch")
