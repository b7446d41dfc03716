"""The promises on bits, by programs that are compiled as users have them: not in a hurry."""

import os
import subprocess
import sys

import pytest
from programs import ROOT

WHICH = "(bits or solo)"  # what a test of bits has in its name
# Not each time: "both" and "linen" have what others have, and more devices the programs of one.
PARTS = ("norm", "nnx", "number_of", "linear", "bytes", "activation", "schedule", "256")
FEW = " and not ".join([WHICH, *PARTS])


@pytest.mark.parametrize(
    ("which", "tests"),
    [
        (FEW, ["test_promises.py"]),
        (FEW, ["populations/test_many.py"]),
        pytest.param(
            WHICH, ["test_promises.py", "populations/test_many.py"], marks=pytest.mark.slow
        ),
        pytest.param(WHICH, ["training"], marks=pytest.mark.slow),  # meshes, windows: minutes
    ],
)
def test_bits_are_as_promised_where_programs_are_compiled_as_ever(which, tests):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", which]
    done = subprocess.run(
        [*command, *(f"tests/{each}" for each in tests)],
        cwd=ROOT,
        env={**os.environ, "XLA_FLAGS": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
