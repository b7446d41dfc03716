"""Compiled programs on the disk: read where they fit, with the bits of those just compiled."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from jaxmlp import cache_compilations
from jaxmlp.runtime import compilation_cache, receipt

ROOT = Path(__file__).parents[2]


@pytest.fixture
def restored():
    """JAX's configuration, put back afterwards."""
    names = [
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    ]
    before = {name: jax.config.values[name] for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


PROGRAM = """
import sys, jax, numpy as np, optax, jaxmlp
if len(sys.argv) > 1:
    jaxmlp.cache_compilations(sys.argv[1])
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
random = np.random.default_rng(0)
inputs, labels = random.normal(size=(300, 20)).astype(np.float32), random.integers(0, 3, 300)
data = jaxmlp.Dataset(inputs, labels, inputs[:60], labels[:60])
recipe = jaxmlp.Recipe(
    jaxmlp.mlp((20, 64, 3)), jaxmlp.classification(3), optax.adam, {"learning_rate": 0.01}, 256, 3
)
run = jaxmlp.train(recipe, data, 0)
print(jaxmlp.digest(run.state), jaxmlp.digest(run.history))
print(*(hits.count(f"/jax/compilation_cache/cache_{event}") for event in ("hits", "misses")))
"""


def in_a_process(*arguments, **env):
    env = {**os.environ, **env}
    env.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *map(str, arguments)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    bits, counts = done.stdout.splitlines()
    return bits, *map(int, counts.split())


def test_bits_are_those_of_programs_just_compiled(tmp_path):
    without, *_ = in_a_process()
    cold, hits, misses = in_a_process(tmp_path)
    assert (cold, hits) == (without, 0)
    assert misses > 4
    (folder,) = tmp_path.iterdir()
    entries = sorted(folder.glob("*-cache"))
    assert len(entries) >= misses
    # What is half-written, as by a kill, is compiled again without a word.
    for entry in entries[::2]:
        entry.write_bytes(entry.read_bytes()[:-20])
    (folder / ".looked").unlink()
    warm, hits, misses_again = in_a_process(tmp_path)
    assert warm == without
    assert hits + misses_again == misses
    assert hits > 0 < misses_again
    assert sorted(folder.glob("*-cache")) == entries


@pytest.mark.usefixtures("restored")
def test_every_fact_of_the_machine_and_of_jax_has_a_folder_of_its_own(monkeypatch, tmp_path):
    first = cache_compilations(tmp_path)
    assert first == cache_compilations(str(tmp_path))
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert jax.config.jax_compilation_cache_dir == str(first)
    facts = receipt.describe()
    found = {first}
    changes = {
        "processor": "another",
        "instructions": ["sse2"],
        "versions": {**facts["versions"], "jaxlib": "0.0"},
        "xla_flags": "--xla_cpu_other",
        "num_devices": 64,
        "device_kind": "gpu",
        "threefry_partitionable": not facts["threefry_partitionable"],
    }
    for name, value in changes.items():
        with monkeypatch.context() as patch:
            patch.setattr(receipt, "describe", lambda n=name, v=value: {**facts, n: v})
            found.add(cache_compilations(tmp_path))
    with monkeypatch.context() as patch:
        patch.setenv("NPROC", "7")
        found.add(cache_compilations(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
        found.add(cache_compilations(tmp_path))
    assert len(found) == len(changes) + 3
    cores = len(os.sched_getaffinity(0))
    for wanted in (str(cores), "", "0"):  # as many as there would be anyway
        monkeypatch.setenv("NPROC", wanted)
        assert cache_compilations(tmp_path) == first


@pytest.mark.usefixtures("restored")
def test_the_default_is_the_users_cache_unless_jax_has_a_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_compilations().parent == tmp_path / "xdg" / "jaxmlp"
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    assert cache_compilations() == tmp_path / "own"
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_compilations().parent == tmp_path / "home" / ".cache" / "jaxmlp"


@pytest.mark.usefixtures("restored")
def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))):
        cache_compilations(tmp_path / "file")
    assert jax.config.jax_compilation_cache_dir is None


def test_the_oldest_programs_make_room(monkeypatch, tmp_path):
    first, second, foreign = (tmp_path / name for name in ("a" * 16, "0b" * 8, "models"))
    for number in range(6):
        folder = (first, second)[number % 2]
        folder.mkdir(exist_ok=True)
        (folder / ".looked").touch()  # it is ours, and all in it are older, so not unpacked
        entry = folder / f"{number}-cache"
        entry.write_bytes(bytes(100))
        os.utime(entry, (1000 + number, 1000 + number))
    foreign.mkdir()
    (foreign / "0-large-cache").write_bytes(bytes(1000))
    monkeypatch.setattr(compilation_cache, "LIMIT", 300)
    compilation_cache._tidy(first)
    left = sorted(path.name for path in tmp_path.glob("*/*-cache"))
    assert left == ["0-large-cache", "3-cache", "4-cache", "5-cache"]


@pytest.mark.usefixtures("restored")
def test_a_home_is_that_of_a_user_who_is_there(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_compilations("~/x").parent == tmp_path / "x"
    with pytest.raises(ValueError, match="^folder needs a user who is there, got ~nosuchuser/x$"):
        cache_compilations("~nosuchuser/x")
