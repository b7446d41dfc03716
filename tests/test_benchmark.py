import json
import os

import gpu_stubs
import peer_stubs
import pytest
from programs import call

from experiments import benchmark
from experiments.data import sources
from experiments.speed import (
    limit,
    quick,
    quick_table,
    race,
    scaling,
    search,
    search_table,
    training,
)
from experiments.speed.gpu import measure


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--json=/nonexistent/f.json"],
            "--json needs a file that can be written, got /nonexistent",
        ),
        (["--json=."], "--json needs a file that can be written, got ."),
        (["--peers", "--json=f.png"], "--json needs a name such as peers.json, got f.png"),
        (
            ["--scaling", "--json=no/f.json"],
            "--json needs a file that can be written, got no/f.json",
        ),
        (["--json="], "expected a name or a path, got ''"),
        (["--gpu", "--peers"], "expected --gpu alone, or --peers and --scaling, which hide GPUs"),
        (["--gpu", "--scaling"], "expected --gpu alone"),
        (["--search", "--peers"], "expected --search alone, or one of the others"),
        (["--quick", "--search"], "expected --quick alone, or one of the others"),
        (["--rehearse"], "--rehearse needs --gpu, which it tries"),
        (["--gpu", "--json=gpu.md"], "--json needs a name such as peers.json, got gpu.md"),
        (["--gpu", "--json=gpu.png"], "--json needs a name such as peers.json, got gpu.png"),
        (["--gpu", "--minutes=0"], "expected a whole number from 1 to 600, got 0"),
        (["mnist"], "expected flags only, such as --seed=1, got mnist"),
        (["--repeats=2"], "expected a whole number from 3 to 10000, got 2"),
        (["--repeats=9999999999"], "expected a whole number from 3 to 10000, got 9999999999"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_measured(arguments, expected, monkeypatch):
    monkeypatch.setattr(benchmark, "import_seconds", lambda _: pytest.fail("it measured"))
    with pytest.raises(SystemExit) as stopped:
        call(benchmark, *arguments)
    assert str(stopped.value).startswith("error: ")
    assert expected in str(stopped.value)


@pytest.mark.parametrize("num_equal", [12, 11])
def test_a_search_ends_by_whether_all_members_have_their_bits(num_equal, monkeypatch, tmp_path):
    told = []

    def measure(work, repeats, tell):
        told.append((work.name, repeats))
        return {"num_equal": num_equal, "num_networks": 12}

    monkeypatch.setattr(search, "measure", measure)
    monkeypatch.setattr(search_table, "show", lambda _, found: told.append(found["num_equal"]))
    path = tmp_path / "figures.json"
    if num_equal < 12:
        with pytest.raises(SystemExit) as ended:
            call(benchmark, "--search", f"--json={path}")
        assert ended.value.code == 4
    else:
        call(benchmark, "--search", f"--json={path}")
    assert told == [("breast_cancer", 5), num_equal]
    assert json.loads(path.read_text())["search"]["num_equal"] == num_equal


@pytest.mark.parametrize("num_there", [20, 19])
def test_quick_ends_by_whether_every_seed_is_there(num_there, monkeypatch, tmp_path):
    told = []

    def measure(data, seeds, repeats, tell):
        told.append((data, [*seeds], repeats))
        return {"num_there": num_there, "seeds": [*seeds]}

    monkeypatch.setattr(sources, "load", lambda name: name)
    monkeypatch.setattr(quick, "measure", measure)
    monkeypatch.setattr(quick_table, "show", lambda _, found: told.append(found["num_there"]))
    path = tmp_path / "figures.json"
    if num_there < 20:
        with pytest.raises(SystemExit) as ended:
            call(benchmark, "--quick", f"--json={path}")
        assert ended.value.code == 4
    else:
        call(benchmark, "--quick", f"--json={path}")
    assert told == [("mnist", [*range(20)], 3), num_there]
    assert json.loads(path.read_text())["quick"]["num_there"] == num_there


def test_quick_needs_mnist(monkeypatch):
    def load(name):
        raise sources.NotAvailable(f"{name} is not on this machine")

    monkeypatch.setattr(sources, "load", load)
    with pytest.raises(SystemExit, match="^error: mnist is not on this machine$"):
        call(benchmark, "--quick")


def test_it_measures_in_one_process(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(limit, "NUM_EXAMPLES", 2_000)
    monkeypatch.setattr(benchmark, "NETWORKS", ((784, 32, 10),))
    monkeypatch.setattr(limit, "SIDE", 128)
    monkeypatch.setattr(benchmark, "MEMBERS", (1, 3))
    monkeypatch.setattr(benchmark, "WAYS", (("exact", "own"), ("fast", "shared")))
    monkeypatch.setattr(training, "WARM_UP", 0.1)
    monkeypatch.setattr(training, "MEASURED", 0.3)
    call(benchmark, "--repeats=3", f"--json={tmp_path / 'figures.json'}")
    figures = json.loads((tmp_path / "figures.json").read_text())
    (row,) = figures["networks"]
    work = limit.flops((784, 32, 10))
    assert row["share_of_limit"] * row["limit_gflops"] * 1e9 * row["epoch_seconds"] == (
        pytest.approx(work)
    )
    assert row["products_seconds"] > 0
    populations = figures["population"]
    assert [(p["mode"], p["members"]) for p in populations] == [
        *(("exact", 1), ("exact", 3), ("fast", 1), ("fast", 3)),
    ]
    assert all(p["network_epochs_per_second"] > 0 for p in populations)
    assert "784-32-10" in capsys.readouterr().out


def test_beside_others_it_measures_that_alone(monkeypatch, tmp_path, capsys, digits):
    asked = []

    def measure_race(data, repeats, tell):
        tell("a peer")
        asked.append((data, repeats))
        return peer_stubs.figures()

    def measure_scaling(data, tell):
        tell("a case")
        asked.append(data)
        return peer_stubs.growth()

    monkeypatch.setattr(benchmark, "against_the_limit", lambda: pytest.fail("it measured more"))
    monkeypatch.setattr(sources, "load_auto", lambda: (digits, "MNIST IS NOT HERE\n--data_dir"))
    monkeypatch.setattr(race, "measure", measure_race)
    monkeypatch.setattr(scaling, "measure", measure_scaling)
    call(benchmark, "--peers", "--repeats=4", f"--json={tmp_path / 'f.json'}")
    figures = json.loads((tmp_path / "f.json").read_text())
    assert set(figures) == {"import_seconds", "environment", "peers"}
    assert [row["name"] for row in figures["peers"]["rows"]][:2] == ["alone", "population"]
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert asked == [(digits, 4)]
    text = capsys.readouterr().out
    assert "MNIST IS NOT HERE\n$JAXMLP_DATA_DIR says where" in text
    assert "a slow one" in text
    call(benchmark, "--scaling")
    assert asked[1:] == [digits]
    assert "784-64-10" in capsys.readouterr().out
    call(benchmark, "--scaling", f"--json={tmp_path / 'g.json'}")
    assert (tmp_path / "g.png").is_file()
    figures = json.loads((tmp_path / "g.json").read_text())
    assert set(figures) == {"import_seconds", "environment", "scaling"}


def test_the_picture_has_a_place_before_anything_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "import_seconds", lambda _: pytest.fail("it measured"))
    (tmp_path / "f.png").mkdir()
    with pytest.raises(SystemExit, match=r"^error: --json needs a file .* got .*/f\.png$"):
        call(benchmark, "--peers", f"--json={tmp_path / 'f.json'}")


def test_data_that_are_damaged_are_one_line(monkeypatch):
    def refuse():
        raise sources.DataError("train-images: expected 60,000,\ngot 3")

    monkeypatch.setattr(sources, "load_auto", refuse)
    with pytest.raises(SystemExit, match="^error: train-images: expected 60,000, got 3$"):
        call(benchmark, "--peers")


def test_without_a_gpu_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(measure, "measure", lambda *_: pytest.fail("it measured"))
    with pytest.raises(SystemExit, match="^error: --gpu needs a GPU that JAX sees, got cpu: pip"):
        call(benchmark, "--gpu")


@pytest.mark.parametrize("is_sound", [True, False])
def test_what_a_gpu_does_is_printed_written_and_drawn(
    is_sound, monkeypatch, tmp_path, capsys, digits
):
    asked = []

    def measure_all(data, minutes, rehearse, tell, save):
        asked.append((data, minutes, rehearse))
        tell("a part")
        save({"limits": None})
        before = json.loads((tmp_path / "gpu.json").read_text())
        assert before["gpu"] == {"limits": None}
        return gpu_stubs.figures(rehearsal=True)

    monkeypatch.setattr(sources, "load_auto", lambda: (digits, None))
    monkeypatch.setattr(measure, "measure", measure_all)
    monkeypatch.setattr(measure, "is_sound", lambda found: is_sound)
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "")
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE")
    given = ["--gpu", "--rehearse", "--minutes=3", f"--json={tmp_path / 'gpu.json'}"]
    if is_sound:
        call(benchmark, *given)
    else:
        with pytest.raises(SystemExit) as ended:
            call(benchmark, *given)
        assert ended.value.code == 4
    assert asked == [(digits, 3, True)]
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert figures.keys() == {"import_seconds", "environment", "gpu"}
    assert figures["gpu"]["digests"] == {"process 1": "abc", "process 2": "abc"}
    text = (tmp_path / "gpu.md").read_text()
    assert text.startswith("**A REHEARSAL")
    assert (tmp_path / "gpu.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert text.strip() in printed
    assert "a part" in printed
    assert "A REHEARSAL: not a GPU's figures" in printed
