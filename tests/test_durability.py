"""Runs in processes of their own that end before their time, and what is left of them.

A chain is a run that is ended again and again, each time at a random moment, and resumed each
time. What it leaves has to be what the same run leaves that nothing ever happened to.
"""

import contextlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from programs import finish, start
from runs import lines, read, result, save_npz

from jaxmlp import checkpoints

KILL, INT, TERM = signal.SIGKILL, signal.SIGINT, signal.SIGTERM
STEPS, EPOCHS = 45, 200  # of an epoch, of a run
STOPPED = [
    *("--validation_fraction=0.1", "--stop_metric=accuracy", "--patience=110"),
    *("--optimizer=adamw", "--schedule=warmup_cosine", "--checkpoint_every=70steps", "--keep=1"),
]
SCHEDULED = ["--optimizer=momentum", "--schedule=cosine", "--checkpoint_every=3epochs", "--plots"]
CHAINS = {
    "plain": (["--checkpoint_every=100steps"], [KILL] * 8),
    "schedule and pictures": (SCHEDULED, [TERM, KILL, INT, KILL, KILL, INT, KILL]),
    "early stopping": (STOPPED, [KILL, KILL, INT, KILL, TERM, KILL, KILL]),
}


@pytest.fixture(scope="module")
def data(digits, tmp_path_factory):
    train, test = (rows.reshape(-1, 8, 8) for rows in (digits.train_inputs, digits.test_inputs))
    pictures = digits._replace(train_inputs=train, test_inputs=test)
    return save_npz(tmp_path_factory.mktemp("data") / "digits.npz", pictures)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Spares each process but the first its compilations."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def train(*flags, **options):
    """Trains to the end."""
    code, out, err = finish(start("mnist", f"--num_epochs={EPOCHS}", *flags, **options))
    assert code == 0, err
    return out


def until_training(process):
    """Waits for a run to begin training: the step that it goes on after."""
    for line in process.stdout:
        if line.startswith("going on after step "):
            return int(line.split()[-1])
        if line.startswith("network "):
            step = process.stdout.readline() if "--resume" in process.args else ""
            return int(step.removeprefix("going on after step ") or 0) 
    raise AssertionError(process.stderr.read())
