import itertools
import json
from types import SimpleNamespace

import numpy as np

import jaxmlp
from experiments.speed.gpu import promises


def test_here_they_hold_and_the_digest_is_that_of_a_training(capsys):
    promises.main()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["promise"] for row in said["rows"]] == ["G2", "G2", "G3", "G3", "G5", "G6"]
    assert all(row["held"] and row["detail"] == "" for row in said["rows"])
    again = promises.bits(jaxmlp.train(promises.recipe(), promises.examples(), 0))
    assert said["digest"] == again
    other = promises.bits(jaxmlp.train(promises.recipe(), promises.examples(), 1))
    assert other != again


def test_bits_are_those_of_parameters_and_history():
    same = {"params": {"w": np.zeros(3)}, "history": {"loss": np.ones(2)}}
    others = [
        {"params": {"w": np.zeros(3)}, "history": {"loss": np.array([1, 1 + 2**-52])}},
        {"params": {"w": np.array([0, 0, -0.0])}, "history": {"loss": np.ones(2)}},
    ]
    digests = {promises.bits(SimpleNamespace(**each)) for each in (same, dict(same), *others)}
    assert len(digests) == 3


def test_other_bits_are_seen(monkeypatch):
    data, numbers = promises.examples(), itertools.count()
    monkeypatch.setattr(promises, "bits", lambda result: str(next(numbers)))
    for check in (promises.members, promises.stops, promises.faults):
        rows = list(check(data))
        assert rows
        assert not any(row.held for row in rows)
    [row] = promises.faults(data)
    assert row.detail == "seed 0, seed 1, seed 2, seed 3"  # but the faults are named
    monkeypatch.setattr(promises, "epoch_order", lambda *_: next(numbers))
    [row] = promises.draws(data)
    assert (row.held, row.detail) == (False, "order")
    monkeypatch.setattr(promises, "RATES", (1e-3, 2e-3))
    [row] = promises.faults(data)
    assert row.detail.endswith("fault of seed 2, fault of seed 3")
