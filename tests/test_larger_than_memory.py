"""Data of four times the memory that may be used: the same bits, and at least 0.8 of the speed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LIMIT, WINDOW, EPOCHS = 100_000_000, 12_000_000, 3
NUM_EXAMPLES = 4 * LIMIT // 784 + 1  # pixels alone are 400 MB


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path, random = tmp_path_factory.mktemp("large"), np.random.default_rng(0)
    labels = random.integers(0, 10, NUM_EXAMPLES).astype(np.int32)
    pixels = np.lib.format.open_memmap(path / "x.npy", "w+", np.uint8, (NUM_EXAMPLES, 784))
    for start in range(0, NUM_EXAMPLES, 20_000):
        chunk = random.integers(0, 256, pixels[start : start + 20_000].shape, np.uint8)
        chunk[np.arange(len(chunk)), 20 * labels[start : start + 20_000]] = 255
        pixels[start : start + 20_000] = chunk
    np.save(path / "y.npy", labels)
    return path


def trained(folder, *arguments):
    command = [sys.executable, Path(__file__).with_name("larger_than_memory.py"), folder, EPOCHS]
    root = Path(__file__).parents[1]
    run = subprocess.run(
        [str(each) for each in (*command, *arguments)],
        capture_output=True,
        text=True,
        timeout=500,
        env=os.environ | {"PYTHONPATH": str(root), "XLA_FLAGS": ""},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_four_times_the_memory_trains_to_the_same_bits_as_quickly(folder):
    streamed, whole = [], []
    for _ in range(3):  # by turns, and the quickest of each: others use this machine as well
        streamed.append(trained(folder, WINDOW, LIMIT))
        whole.append(trained(folder))
    assert len({each["digest"] for each in (*streamed, *whole)}) == 1
    assert max(each["bytes"] for each in streamed) < LIMIT
    assert min(each["bytes"] for each in whole) > 4 * LIMIT
    ratio = min(each["seconds"] for each in whole) / min(each["seconds"] for each in streamed)
    print(f"{ratio:.2f} of the speed of a training in memory")
    assert ratio >= 0.8


@pytest.mark.slow
def test_the_limit_is_one(folder):
    with pytest.raises(AssertionError, match="Unable to allocate"):
        trained(folder, 4 * LIMIT // 3, LIMIT)
