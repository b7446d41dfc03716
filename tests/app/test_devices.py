"""Which devices there are to be, and which mesh a record means; here there is one."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh
from programs import call

import jaxmlp
from experiments import mnist, replay, sweep, verify
from experiments.app import devices, environment
from experiments.app.settings import Settings
from experiments.folder import records, schema

QUICK = ["--dataset=digits", "--hidden_sizes=4", "--noplots"]


@pytest.fixture
def asked(monkeypatch):
    """What is asked of JAX before it starts, on a machine of 6 cores: (devices, threads)."""
    found = []
    monkeypatch.setattr(environment, "usual_threads", lambda: 6)
    monkeypatch.setattr(environment, "use_devices", lambda count: found.append(count))
    monkeypatch.setattr(environment, "use_threads", lambda count: found.append(count))
    return found


@pytest.mark.parametrize(
    ("mesh", "given", "expected"),
    [
        (None, {}, [None]),
        (None, {"threads": 3}, [3]),
        ("data:4", {}, [4, None]),
        ("data:8", {}, [8, 8]),
        ("data:4,member:2", {"threads": 9}, [8, 9]),
        ("data:8", {"processes": 2}, [4, 8]),
        ("data:3", {"processes": 2}, [2, None]),
        ("auto", {}, [4, None]),
        ("auto", {"mode": "fast"}, [6, None]),
        ("auto", {"is_alone": False}, [6, None]),
        ("auto", {"processes": 2}, [None]),
    ],
)
def test_a_cpu_is_as_many_devices_as_are_asked_for_of_this_process(mesh, given, expected, asked):
    devices.prepare(**{"threads": None, "mesh": mesh, **given})
    assert asked == expected


def test_no_more_devices_are_made_than_can_have_a_thread(asked):
    with pytest.raises(ValueError, match="--mesh needs at most 256 .*, got 257: data:257"):
        devices.prepare(None, "data:257")
    devices.prepare(None, "data:512", processes=2)
    assert asked == [256, 256]


def test_a_run_with_fewer_threads_than_devices_says_why_it_cannot_go_on(asked):
    said = (
        "at most 2 devices of a process with 2 threads, .*, got data:4: .* begins with --threads=4"
    )
    with pytest.raises(ValueError, match=f"--mesh needs {said}"):
        devices.prepare(2, "data:4")
    assert asked == []
    devices.prepare(2, "data:4", processes=2)
    assert asked == [2, 2]


def test_a_mesh_is_settled_by_the_devices_that_there_are(monkeypatch):
    assert devices.settled(Settings(mesh="auto")) == Settings(mesh="data:1", mode="exact")
    assert devices.settled(Settings(mesh="auto", mode="fast")).mode == "fast"
    assert devices.settled(Settings(mesh="auto"), is_alone=False).mesh == "member:1"
    assert devices.settled(Settings(mesh="member:1,data:1")).mesh == "member:1,data:1"
    assert devices.settled(Settings()) == Settings()
    assert devices.settled(Settings(mode="fast"), is_alone=False) == Settings(mode="fast")
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "device_count", lambda: 4)
    with pytest.raises(ValueError, match="--mesh needs 4 devices for data:4, got 1"):
        devices.settled(Settings())  # all, of both
    with pytest.raises(ValueError, match="--mesh needs 4 devices for member:4, got 1"):
        devices.settled(Settings(), is_alone=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Settings(mesh="data:2"), "^--mesh needs 2 devices for data:2, got 1 of kind cpu$"),
        (Settings(mode="exact"), "^--mode needs a --mesh, .* got --mode=exact and none$"),
    ],
)
def test_what_does_not_fit_the_devices_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        devices.settled(given)


def test_layers_are_divided_in_fast_mode_by_default(monkeypatch):
    four = Mesh(np.array(jax.devices()[:1] * 4).reshape(2, 2), ("data", "model"))
    monkeypatch.setattr(devices, "make_mesh", lambda text: four)
    assert devices.settled(Settings(mesh="data:2,model:2")).mode == "fast"
    monkeypatch.setattr(devices, "has_layers_within", lambda mesh: False)
    with pytest.raises(ValueError, match="--mesh needs the devices along model in one process, go"):
        devices.settled(Settings(mesh="data:2,model:2"))


def test_exact_mode_takes_no_three_devices(monkeypatch):
    three = Mesh([jax.devices()[0]] * 3, ("data",))
    monkeypatch.setattr(devices, "make_mesh", lambda text: three)
    with pytest.raises(ValueError, match="--mode=exact needs one of 1, 2, 4, 8 devices .* got 3"):
        devices.settled(Settings(mesh="data:3"))
    assert devices.settled(Settings(mesh="data:3", mode="fast")).mesh == "data:3"


def test_a_run_is_made_again_on_what_there_is_in_exact_mode_alone(asked, monkeypatch):
    exact, fast = ({"mesh": "data:8", "mode": mode} for mode in ("exact", "fast"))
    assert devices.needed(exact) == "data:4"  # of 6 cores
    assert devices.needed(fast) == "data:8"
    assert devices.needed({"mesh": "data:2,member:1", "mode": "exact"}) == "data:2,member:1"
    assert devices.needed({"mesh": "data:8,model:4", "mode": "exact"}) == "data:1,model:4"
    assert devices.needed({"mesh": "member:2", "mode": "exact"}) == "member:2"
    assert devices.needed({"mesh": None, "mode": None}) is None
    assert dict(devices.mesh_of(exact).shape) == {"data": 1}
    assert devices.mesh_of({"mesh": None, "mode": None}) is None
    with pytest.raises(ValueError, match="in fast mode .* alone: mesh needs 8 devices .*, got 1"):
        devices.mesh_of(fast)
    with pytest.raises(ValueError, match="^mesh needs 2 devices for member:2"):
        devices.mesh_of({"mesh": "member:2", "mode": "exact"})


def test_what_a_network_is_trained_on_is_said():
    assert devices.described({"mesh": None, "mode": None}) == "cpu"
    assert devices.described({"mesh": "data:2", "mode": "fast"}) == "cpu data:2 in fast mode"


def test_a_run_on_a_mesh_is_recorded_verified_and_goes_on_with_other_devices(tmp_path, capsys):
    folder = tmp_path / "run"
    call(mnist, *QUICK, "--num_epochs=1", "--mesh=auto", "--workdir", folder)
    assert "on cpu data:1 in exact mode" in capsys.readouterr().out
    config = records.read_config(folder / "config.json")
    assert (config["mesh"], config["mode"]) == ("data:1", "exact")
    machine = folder / "environment.json"
    machine.write_text(machine.read_text().replace('"num_devices": 1', '"num_devices": 4'))
    call(mnist, *QUICK, "--num_epochs=2", "--mesh=data:1,member:1", "--resume", "--workdir", folder)
    call(verify, folder)
    assert "identical to the bit in all 2 epochs" in capsys.readouterr().out
    recipe = mnist.recipes.recipe(config)._replace(num_epochs=2)
    data = mnist.config.load_data(Settings(dataset="digits"), None)[0]
    mesh = jaxmlp.make_mesh("data:1")
    run = jaxmlp.train(recipe, data, 0, mesh=mesh, mode="exact")
    lines = schema.read_lines(folder / "metrics.jsonl", records.RUN_LINE)
    assert lines[-1]["params_sha256"] == jaxmlp.digest(run.params)
    plain = jaxmlp.train(recipe, data, 0)  # what would be, were the mesh forgotten
    assert lines[-1]["params_sha256"] != jaxmlp.digest(plain.params)
    for other in ("--mode=fast", "--batch_size=64"):
        with pytest.raises(SystemExit, match="--resume needs the earlier run's settings"):
            call(mnist, *QUICK, other, "--resume", "--workdir", folder)


def test_a_network_of_a_sweep_is_made_again_on_the_devices_that_divided_its_batches(
    tmp_path, capsys
):
    given = [*QUICK, "--num_epochs=1", "--seeds=0:2", "--workdir", tmp_path]
    call(sweep, *given, "--mesh=member:1,data:1")
    call(replay, tmp_path, "--member=seed=1")
    assert "seed=1: identical to the bit" in capsys.readouterr().out
    config = records.read_config(tmp_path / "config.json")
    assert devices.of_member(config) == {"mesh": "data:1", "mode": "exact"}
    with np.load(tmp_path / "runs.npz") as runs:
        made = runs["params_sha256"].tolist()
    call(sweep, *given, "--overwrite", "--mesh=member:1")
    with np.load(tmp_path / "runs.npz") as runs:
        assert runs["params_sha256"].tolist() != made
    assert devices.of_member({"mesh": None, "mode": "fast"}) == {"mesh": None, "mode": None}


def test_a_run_in_fast_mode_is_verified_as_such(tmp_path, capsys):
    fast = [*QUICK, "--mesh=data:1", "--mode=fast", "--workdir", tmp_path]
    call(mnist, *fast, "--num_epochs=1")
    call(verify, tmp_path)
    assert "identical to the bit" in capsys.readouterr().out
    machine = tmp_path / "environment.json"
    machine.write_text(machine.read_text().replace('"num_devices": 1', '"num_devices": 4'))
    with pytest.raises(SystemExit, match="environment; num_devices: expected 4, got 1"):
        call(mnist, *fast, "--num_epochs=2", "--resume")
