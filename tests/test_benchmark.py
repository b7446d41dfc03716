import json

import pytest
from programs import call

from experiments import benchmark


def test_it_counts_the_products_of_an_epoch():
    # Forward, and backward to the kernels and, but for the first layer, to its inputs.
    assert benchmark.flops((2, 3, 5)) == 60_000 * 2 * (2 * 2 * 3 + 3 * 3 * 5)


def test_it_measures_in_one_process(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "NUM_EXAMPLES", 2_000)
    monkeypatch.setattr(benchmark, "NETWORKS", ((784, 32, 10),))
    monkeypatch.setattr(benchmark, "SIDE", 128)
    call(benchmark, "--repeats=3", f"--json={tmp_path / 'figures.json'}")
    (row,) = json.loads((tmp_path / "figures.json").read_text())["networks"]
    work = benchmark.flops((784, 32, 10))
    assert row["share_of_limit"] * row["limit_gflops"] * 1e9 * row["epoch_seconds"] == (
        pytest.approx(work)
    )
    assert row["products_seconds"] > 0
    assert "784-32-10" in capsys.readouterr().out
