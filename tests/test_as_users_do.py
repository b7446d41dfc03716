"""The promises on bits, by programs that are compiled as users have them: not in a hurry."""

import os
import subprocess
import sys

import pytest
from programs import ROOT

WHICH = "bits or solo"  # what a test of bits has in its name


@pytest.mark.parametrize(
    "tests",
    [
        "test_promises.py",
        "populations/test_many.py",
        "training/test_engine.py",
        "training/test_loop.py",
        pytest.param("training", marks=pytest.mark.slow),  # meshes, windows and all else: minutes
    ],
)
def test_bits_are_as_promised_where_programs_are_compiled_as_ever(tests):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", WHICH]
    done = subprocess.run(
        [*command, f"tests/{tests}"],
        cwd=ROOT,
        env={**os.environ, "XLA_FLAGS": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
