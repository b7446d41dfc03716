"""What the classic recipes reach on MNIST; minutes of training, so `make slow` runs them."""

import json
import os

import pytest
from programs import call

from experiments import mnist

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.path.isdir(os.path.join(os.environ.get("JAXMLP_DATA_DIR", "/nowhere"), "mnist")),
        reason="needs MNIST's files: set JAXMLP_DATA_DIR to the folder above mnist/",
    ),
]


def accuracy_of(folder, *flags):
    call(mnist, "--dataset=mnist", "--noplots", f"--workdir={folder}", *flags)
    return json.loads((folder / "summary.json").read_text())["test_accuracy"]


def test_five_seeds_of_the_default_recipe_average_97_7_percent(tmp_path):
    reached = [accuracy_of(tmp_path / str(seed), f"--seed={seed}") for seed in range(5)]
    assert min(reached) >= 0.976
    assert sum(reached) / 5 >= 0.977


def test_standard_normal_weights_and_biases_reach_94_percent(tmp_path):
    flags = "--hidden_sizes=256,256 --kernel_init=gaussian --bias_init=gaussian --num_epochs=30"
    assert accuracy_of(tmp_path / "run", *flags.split()) >= 0.94
