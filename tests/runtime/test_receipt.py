import json
import os
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import jax
import pytest

import jaxmlp
from jaxmlp.runtime import receipt

ROOT = Path(__file__).parents[2]
FIELDS = {
    *("versions", "platform", "device_kind", "num_devices", "processor", "instructions"),
    *("threads", "default_matmul_precision", "enable_x64", "threefry_partitionable", "xla_flags"),
}


def test_all_that_can_change_bits_is_described():
    facts = receipt.describe()
    assert facts.keys() >= FIELDS
    assert facts.keys() - FIELDS <= set(receipt.SETTINGS)
    assert len(facts.keys() & set(receipt.SETTINGS)) > 10
    assert facts["versions"].keys() >= {"jaxmlp", "jax", "jaxlib", "optax", "numpy"}
    assert facts["versions"]["jaxlib"] == version("jaxlib")
    assert facts["versions"]["jaxmlp"] == jaxmlp.__version__
    assert facts["platform"] == jax.default_backend()
    assert facts["num_devices"] == jax.device_count()
    assert facts["processor"]
    assert facts["enable_x64"] is False
    assert json.loads(json.dumps(facts)) == facts


def test_settings_are_those_in_force():
    with jax.default_matmul_precision("float32"), jax.threefry_partitionable(False):
        facts = receipt.describe()
    assert facts["default_matmul_precision"] == "float32"
    assert facts["threefry_partitionable"] is False
    assert receipt.describe()["threefry_partitionable"] is True


def test_flags_to_the_compiler_are_described(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_some=1")
    assert receipt.describe()["xla_flags"] == "--xla_some=1"


def test_instruction_sets_are_the_processors(monkeypatch):
    if "x86" not in os.uname().machine:
        pytest.skip("needs an x86 processor")
    assert "sse4_2" in receipt.describe()["instructions"]
    monkeypatch.setattr(receipt, "_cpuinfo", lambda field: "fma avx512fantasy avx2 fpu")
    assert receipt.describe()["instructions"] == ["fma", "avx2"]


def test_a_missing_package_has_no_version():
    assert receipt._version("no-such-package-anywhere") is None


def test_on_a_gpu_the_libraries_are_described_that_its_code_comes_from(monkeypatch):
    there = {"jax": "1", "nvidia-cublas-cu12": "12.9", "jax-cuda12-plugin": "2"}
    monkeypatch.setattr(receipt, "_version", there.get)
    assert receipt.describe()["versions"] == dict.fromkeys(receipt.PACKAGES) | {"jax": "1"}
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    versions = receipt.describe()["versions"]
    assert versions == dict.fromkeys(receipt.PACKAGES) | there


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted on Linux alone")
def test_threads_are_counted_once_jax_has_started():
    program = """
import jax
from experiments.app import environment
from jaxmlp.runtime import receipt

print(receipt.num_threads())
environment.use_threads(None)
print(receipt.num_threads())
"""
    env = {**os.environ, "NPROC": "3"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "3"]


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted on Linux alone")
def test_the_number_of_threads_is_described():
    jax.device_put(0).block_until_ready()
    assert receipt.describe()["threads"] == receipt.num_threads() > 0


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted on Linux alone")
def test_threads_are_counted_while_others_come_and_go():
    jax.devices()
    count = receipt.num_threads()
    assert count is not None
    is_over = threading.Event()

    def start_threads():
        while not is_over.is_set():
            threading.Thread(target=int).start()

    starter = threading.Thread(target=start_threads)
    starter.start()
    counts = {receipt.num_threads() for _ in range(500)}
    is_over.set()
    starter.join()
    assert counts == {count}


def test_the_same_records_do_not_differ():
    assert list(receipt.differences(receipt.describe(), receipt.describe())) == []


def test_each_field_that_differs_has_a_line():
    expected = {"seed": 1, "jax": {"x64": False, "same": 1}, "gone": None, "sizes": [4, 3]}
    got = {"seed": 1, "jax": {"x64": True, "same": 1}, "new": "flag", "sizes": [4, 2]}
    assert list(receipt.differences(expected, got)) == [
        "jax.x64: expected False, got True",
        "gone: expected None, got nothing",
        "sizes: expected [4, 3], got [4, 2]",
        "new: expected nothing, got flag",
    ]


@pytest.mark.parametrize("got", [True, 1.0, "1", [1], None, -1])
def test_a_value_of_another_type_differs(got):
    assert list(receipt.differences({"a": 1}, {"a": got})) == [f"a: expected 1, got {got}"]


def test_a_record_in_the_place_of_a_value_differs():
    assert list(receipt.differences({"a": {"b": 1}}, {"a": 1})) == ["a: expected {'b': 1}, got 1"]
