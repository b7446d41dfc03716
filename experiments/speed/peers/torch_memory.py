"""PyTorch with all tensors in memory and a fused Adam: what one does once the classic is slow."""

from experiments.speed.peers import line
from experiments.speed.peers.torch_parts import in_memory

if __name__ == "__main__":
    line.serve(in_memory, "torch")
