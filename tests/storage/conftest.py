"""Folders of checkpoints to look at and to damage."""

import numpy as np
import pytest
from checkpoint_folders import save_all, saved


@pytest.fixture
def two(tmp_path):
    """A folder with the steps 1 and 2."""
    save_all(tmp_path, {1: 0.1, 2: 0.2})
    return tmp_path


@pytest.fixture
def checkpoint(tmp_path):
    """A small one, with every kind of file."""
    tree = {"kernel": np.float32([[1, 2, 3]]), "bias": np.float32([0.5])}
    return saved(tmp_path / "7", tree, record=[{"loss": 0.25}], score=0.5)
