import json

import pytest
from programs import call

from experiments import benchmark
from experiments.speed import limit, training


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--json=/nonexistent/f.json"],
            "--json needs a file that can be written, got /nonexistent",
        ),
        (["--json=."], "--json needs a file that can be written, got ."),
        (["--json="], "expected a name or a path, got ''"),
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
