"""Epochs of one network in a process of its own, whose XLA flags are its own; prints JSON.

python -m experiments.speed.gpu.alone full
"""

import json
import sys

from experiments.speed.gpu.cases import FULL, SMALL
from experiments.speed.gpu.training import alone

if __name__ == "__main__":
    print(json.dumps(alone({"full": FULL, "small": SMALL}[sys.argv[1]])))
