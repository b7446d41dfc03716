"""Equal bits on a GPU: what is asked of the compiler, when, and what is said where it was not."""

import json
import os
import subprocess
import sys

import jax
import pytest
from programs import ROOT, call
from run_files import compiled_once, read, save_npz

from experiments import mnist, replay, sweep, verify
from experiments.app import determinism, environment
from jaxmlp.runtime import receipt

BOTH = "--xla_gpu_exclude_nondeterministic_ops=true --xla_gpu_autotune_level=0"
SMALL = ["--num_epochs=2", "--batch_size=16", "--hidden_sizes=8", "--noplots"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", BOTH),
        ("  --xla_dump_to=/tmp/x ", f"--xla_dump_to=/tmp/x {BOTH}"),
        (BOTH, BOTH),
        (
            "--xla_gpu_exclude_nondeterministic_ops --xla_dump_to=x",
            "--xla_gpu_exclude_nondeterministic_ops --xla_dump_to=x --xla_gpu_autotune_level=0",
        ),
    ],
)
def test_what_is_lacking_joins_the_users_own_flags(given, expected):
    assert determinism.merged(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--xla_gpu_autotune_level=4", "--xla_gpu_autotune_level=0 in .*, got .*level=4"),
        ("--xla_gpu_exclude_nondeterministic_ops=false", "ops=true in .*, got .*ops=false"),
        ("flags.txt", r"\$XLA_FLAGS to be flags, got the file flags.txt"),
    ],
)
def test_flags_that_contradict_are_one_line(given, message):
    with pytest.raises(ValueError, match=f"^--deterministic needs .*{message}$"):
        determinism.merged(given)


def test_jax_starts_with_the_flags_all_of_which_it_knows():
    program = """
import os
from experiments.app import startup
from jaxmlp.runtime import receipt
startup.FLAGS(["program", "--nocompilation_cache"])
startup.wake(1, True)
print(receipt.describe()["xla_flags"], receipt.num_threads(), sep="; ")
"""
    flag = "--xla_cpu_parallel_codegen_split_count=1"
    env = {**os.environ, "XLA_FLAGS": flag}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    threads = 1 if sys.platform == "linux" else None
    assert done.stdout == f"{flag} {BOTH}; {threads}\n", done.stderr


def test_once_jax_has_started_it_is_too_late_for_a_gpu_alone(monkeypatch):
    monkeypatch.setattr(receipt, "num_threads", lambda: 2)
    before = os.environ["XLA_FLAGS"]
    determinism.use()
    assert os.environ["XLA_FLAGS"] == before
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match="^--deterministic needs to be set before JAX starts"):
        determinism.use()
    monkeypatch.setenv("XLA_FLAGS", BOTH)
    determinism.use()


@pytest.mark.parametrize(
    ("platform", "is_deterministic", "is_said"),
    [("gpu", False, True), ("gpu", True, False), ("cpu", False, False), (None, False, False)],
)
def test_a_remark_is_for_gpus_that_were_left_to_choose(platform, is_deterministic, is_said):
    said = determinism.remark({"deterministic": is_deterministic}, {"platform": platform})
    assert said == [determinism.REMARK] * is_said


@pytest.fixture(scope="module")
def place(blobs, tmp_path_factory):
    """A run and a sweep that were to be deterministic."""
    place = tmp_path_factory.mktemp("determinism")
    flags = [save_npz(place / "blobs.npz", blobs), *SMALL, "--deterministic"]
    with compiled_once():
        call(mnist, *flags, f"--workdir={place / 'run'}")
        call(sweep, *flags, "--seeds=0:2", f"--workdir={place / 'sweep'}")
        yield place


@pytest.fixture
def done(monkeypatch):
    """What was done, in its order."""
    done = []
    use_threads = environment.use_threads
    monkeypatch.setattr(determinism, "use", lambda: done.append("flags"))
    monkeypatch.setattr(
        environment, "use_threads", lambda count: (done.append("start"), use_threads(count))
    )
    return done


def test_it_is_recorded_and_holds_for_whoever_runs_it_again(place, done, blobs, tmp_path, capsys):
    assert read(place / "run" / "config.json")["deterministic"] is True
    assert read(place / "run" / "receipt.json")["config"]["deterministic"] is True
    assert read(place / "sweep" / "config.json")["deterministic"] is True
    for program, arguments in (
        (verify, [place / "run"]),
        (replay, [place / "sweep", "--member=seed=1"]),
        (mnist, ["--resume", f"--workdir={place / 'run'}", "--noplots"]),
        (sweep, ["--resume", f"--workdir={place / 'sweep'}", "--noplots"]),
    ):
        done.clear()
        named = [f"--dataset={place / 'blobs.npz'}"] if program in (mnist, sweep) else []
        call(program, *arguments, *named)
        assert done == ["flags", "start"]
    assert capsys.readouterr().out.count("identical to the bit") == 2
    with pytest.raises(SystemExit, match="settings; deterministic: expected True, got False"):
        call(mnist, "--resume", f"--workdir={place / 'run'}", *named, "--nodeterministic")
    done.clear()
    flags = [f"--dataset={place / 'blobs.npz'}", *SMALL, f"--workdir={tmp_path / 'run'}"]
    call(mnist, *flags)
    call(verify, tmp_path / "run")
    assert done == ["start", "start"]


@pytest.mark.parametrize("program", [verify, replay])
@pytest.mark.parametrize(("was", "is_said"), [(False, True), (True, False)])
def test_other_bits_of_a_gpu_that_chose_freely_are_explained(
    program, was, is_said, place, tmp_path, capsys
):
    folder = tmp_path / "copy"
    folder.mkdir()
    source = place / ("run" if program is verify else "sweep")
    for path in source.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())

    def alter(name, change):
        record = read(folder / name)
        change(record)
        (folder / name).write_text(json.dumps(record))

    def as_if(record):
        record["environment"]["platform"] = "gpu"
        record["config"]["deterministic"] = was
        record["params_sha256"][0] = "0" * 64

    if program is verify:
        alter("receipt.json", as_if)
        alter("config.json", lambda record: record.update(deterministic=was))
    else:
        alter("environment.json", lambda record: record.update(platform="gpu"))
        alter("config.json", lambda record: record.update(deterministic=was, l2=0.5))
    given = [] if program is verify else ["--member=seed=1"]
    with pytest.raises(SystemExit) as ended:
        call(program, folder, *given)
    assert ended.value.code == 4
    assert (determinism.REMARK in capsys.readouterr().out) is is_said
