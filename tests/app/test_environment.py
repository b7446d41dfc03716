import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from programs import finish, start

from experiments.app import environment
from jaxmlp.runtime import receipt

ROOT = Path(__file__).parents[2]
NUM_CORES = environment.describe()["num_cores"]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted on Linux alone")


def test_it_names_what_can_change_a_result_or_its_time():
    facts = environment.describe()
    assert facts.items() >= receipt.describe().items()
    assert len(facts["devices"]) == jax.device_count()
    assert facts["num_cores"] >= 1
    assert facts["command"] == sys.argv
    json.dumps(facts)


def in_another_process(program, **variables):
    env = {name: value for name, value in os.environ.items() if name != "NPROC"} | variables
    program = (
        "from experiments.app.environment import use_threads\n"
        f"from jaxmlp.runtime import receipt\n{program}"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


@on_linux
@pytest.mark.parametrize(
    ("count", "variables", "expected"),
    [
        pytest.param(5, {}, 5, marks=pytest.mark.slow),
        (1, {"NPROC": "3"}, 1),
        (None, {"NPROC": "3"}, 3),
        (None, {}, NUM_CORES),
    ],
)
def test_jax_starts_with_the_threads_asked_for(count, variables, expected):
    done = in_another_process(f"use_threads({count})\nprint(receipt.num_threads())", **variables)
    assert done.stdout.strip() == str(expected), done.stderr


@on_linux
def test_threads_that_come_too_late_are_an_error():
    program = "import jax\njax.numpy.ones(2)\nuse_threads({})"
    count = NUM_CORES
    message = f"--threads needs to be set before JAX starts: expected {count + 1}, got {count}"
    assert message in in_another_process(program.format(count + 1)).stderr
    assert in_another_process(program.format(count)).returncode == 0


@on_linux
def test_beside_a_gpu_the_cpus_threads_are_waited_for_too(monkeypatch):
    counts = iter([None, 1, 3])
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(receipt, "num_threads", lambda: next(counts))
    assert environment._wait_for_threads(3) == 3
    assert next(counts, "none") == "none"


def test_without_a_cpu_there_are_no_threads_to_wait_for(monkeypatch):
    def refuse(backend):
        raise RuntimeError(f"Unknown backend {backend}")

    monkeypatch.setattr(jax, "local_device_count", refuse)
    monkeypatch.setattr(receipt, "num_threads", lambda: None)
    monkeypatch.setattr(environment.time, "sleep", lambda seconds: pytest.fail("it waited"))
    monkeypatch.setenv("NPROC", "")
    monkeypatch.setenv("XLA_FLAGS", "")
    environment.use_threads(2)
    assert os.environ["NPROC"] == "2"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("NPROC", "0", r"\$NPROC needs a whole number from 1 to 256, got 0"),
        ("JAX_PLATFORMS", "bogus", "JAX does not start: Unable to initialize backend 'bogus'"),
        (
            "XLA_FLAGS",
            "--nonsense",
            r"\$XLA_FLAGS needs .*, got Unknown flag in XLA_FLAGS: --nonsense",
        ),
        pytest.param(
            *("XLA_FLAGS", "nonsense", r'\$XLA_FLAGS needs .*, got Could not open file "nonsense"'),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_variable_by_which_jax_does_not_start_is_one_line(variable, value, expected):
    program = """
try:
    use_threads(None)
except ValueError as error:
    print("error:", error)
"""
    done = in_another_process(program, **{variable: value})
    assert re.fullmatch(f"error: .*{expected}.*\n", done.stdout), done


@pytest.mark.parametrize("text", ["abc", "-1", "100000", "1.5", "٣", "257", " ", "0x2"])
def test_a_number_of_threads_without_sense_is_refused(text, monkeypatch):
    monkeypatch.setattr(receipt, "num_threads", lambda: None)
    monkeypatch.setenv("NPROC", text)
    for use in (environment.use_devices, lambda: environment.use_threads(None)):
        with pytest.raises(ValueError, match=r"^\$NPROC needs a whole number from 1 to 256, got "):
            use()


@pytest.mark.parametrize("program", ["mnist", "benchmark"])
def test_a_variable_that_jax_reads_when_it_is_imported_is_one_line(program):
    done = finish(start(program, env={"JAX_ENABLE_X64": "maybe"}))
    assert done[0] == 1
    assert re.fullmatch("error: .*invalid truth value 'maybe'.*\n", done[2])


def test_predict_says_by_which_variable_jax_does_not_start():
    code, _, err = finish(start("predict", "run", "picture.png", env={"JAX_PLATFORMS": "bogus"}))
    assert code == 1
    assert re.fullmatch("error: JAX does not start: .*'bogus'.*\n", err)


def test_flags_that_xla_knows_are_taken():
    done = in_another_process("use_threads(2)", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_checkout_has_a_commit_and_elsewhere_there_is_none(monkeypatch, tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=e"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    monkeypatch.setattr(environment, "__file__", str(tmp_path / "environment.py"))
    assert environment._git_commit() is None
    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    commit = environment._git_commit()
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "file").write_text("two")
    assert environment._git_commit() == f"{commit}+changes"


def test_each_core_is_a_device_for_populations():
    program = """
import jax
from experiments.app.environment import use_devices
use_devices()
print(jax.device_count(), jax.devices()[0].platform)
use_devices()  # once JAX has started, nothing
print(jax.device_count())
"""
    done = in_another_process(program, NPROC="3", JAX_PLATFORMS="cpu")
    assert (done.returncode, done.stdout.split()) == (0, ["3", "cpu", "3"]), done.stderr


def test_a_python_without_jax_is_told_which_one_has_it():
    command = [sys.executable, "-S", "-m", "experiments.lessons"]  # -S: without what is installed
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"error: \S+ has no JAX: .*\.venv/bin/python -m .*\n", done.stderr)
