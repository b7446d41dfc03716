import numpy as np
import peer_stubs
import pytest

from experiments.speed import limit, processes, race
from jaxmlp import Dataset


@pytest.fixture
def data():
    inputs = np.linspace(0, 1, 32, dtype=np.float32).reshape(8, 4)
    labels = np.arange(8, dtype=np.int32) % 3
    return Dataset(inputs, labels, inputs[:2], labels[:2], name="few", num_classes=3)


@pytest.fixture
def stubs(tmp_path, monkeypatch):
    """Five peers, each with a way of its own."""
    monkeypatch.setattr(processes, "PEERS", tmp_path)
    monkeypatch.setattr(processes, "REST", 0.0)
    monkeypatch.setattr(race, "STARTS", 2)
    note = f"open({str(tmp_path / 'turns')!r}, 'a').write(f'{{work.num_networks}}{{epoch}} ')"
    look = f"time.sleep(0.3), open({str(tmp_path / 'tests')!r}, 'a').write(str(epoch))"
    test = f"work.has_test(epoch) and ({look})"
    cache = "import os; cache = os.environ['JAX_COMPILATION_CACHE_DIR']"
    keep = f"{cache}; open({str(tmp_path / 'caches')!r}, 'a').write(cache + ' ')"
    peers = (
        peer_stubs.write(
            tmp_path, "alone", before=keep, epoch=f"time.sleep(0.05); {note[:-1]} + 'a')"
        ),
        peer_stubs.write(
            *(tmp_path, "population"),
            before=keep,
            epoch=f"time.sleep(0.1); {note[:-1]} + 'p'); {test}",
            accuracies="[0.5 + 0.01 * m for m in range(work.num_networks)]",
            is_population=True,
        ),
        peer_stubs.write(tmp_path, "failing", epoch="if epoch == 2: raise OSError('worn out')"),
        peer_stubs.write(tmp_path, "broken", before="raise ImportError('no wheel')"),
        peer_stubs.write(tmp_path, "lacking", packages=("numpy", "no-such-package")),
    )
    monkeypatch.setattr(race, "PEERS", peers)
    return peers


def test_peers_train_by_turns_and_one_that_fails_is_a_line(stubs, data, tmp_path):
    told = []
    figures = race.measure(data, 3, told.append)
    alone, population, failing, broken, lacking = figures["rows"]
    turns = (tmp_path / "turns").read_text()
    live = turns.replace(" ", "").replace("8", "")  # both are told of eight networks
    assert live[:30] == "1a1p2a2p3a3p4p4a5p5a6a6p7a7pap"  # others begin, of both kinds
    assert live[30:] == "1a1a1p1p"  # both start again, for an epoch each
    assert (tmp_path / "tests").read_text() == "2468"  # the epochs that end with one
    own, theirs = (tmp_path / "caches").read_text().split()[:2]
    assert own != theirs
    assert (tmp_path / "caches").read_text().split()[2:] == [own, own, theirs, theirs]
    for kind in ("epoch_seconds", "tested_epoch_seconds"):
        assert [len(each[kind]) for each in figures["rows"]] == [3, 3, 0, 0, 0]
    assert [each["num_networks"] for each in figures["rows"]] == [1, 8, 1, 1, 1]
    assert alone["accuracies"] == [0.5] * 8
    assert population["accuracies"] == [0.5 + 0.01 * m for m in range(8)]
    assert 0.05 < alone["network_epoch_seconds"][1] < 2
    assert 0.1 < population["epoch_seconds"][0] < 2
    assert min(population["tested_epoch_seconds"]) > 0.4  # all those with a test, which takes 0.3
    assert population["network_epoch_seconds"][1] == np.median(population["epoch_seconds"]) / 8
    assert (failing["failed"], failing["absent"]) == ("OSError: worn out", [])
    assert failing["cold"] is not None
    assert broken["failed"] == "ImportError: no wheel"
    assert lacking["absent"] == ["no-such-package"]
    assert failing["warm"] == broken["warm"] == []
    assert len(alone["warm"]) == 2
    assert alone["cold"]["load"] < alone["cold"]["import"]
    assert alone["peak_bytes"] > 5e6
    assert alone["waiting_seconds"] < 0.1
    for start in (alone["cold"], *population["warm"]):
        assert list(start) == ["import", "load", "first_epoch"]
        assert all(0 < seconds < 30 for seconds in start.values())
    assert alone["versions"] == {"numpy": np.__version__}
    assert figures["sizes"] == (4, 256, 3)
    assert figures["num_epochs"] == 8
    assert figures["data"] == {"name": "few", "source": data.source, "num_examples": 8}
    assert figures["gflop"] == limit.flops((4, 256, 3), 8) / 1e9
    assert "round 6 of 6: the alone" in told


def test_peers_get_pixels_and_what_to_do(data, tmp_path):
    work = race.write(data, tmp_path / "data.npz")
    with np.load(work.data) as arrays:
        inputs, test_inputs = arrays["train_inputs"], arrays["test_inputs"]
        labels, test_labels = arrays["train_labels"], arrays["test_labels"]
    assert (inputs.dtype, inputs.min(), inputs.max()) == (np.uint8, 0, 255)
    assert np.array_equal(test_inputs, inputs[:2])
    assert np.array_equal(labels, data.train_labels)
    assert np.array_equal(test_labels, data.test_labels)
    assert work._replace(data="") == ("", (256,), 3, 256, 1e-3, 1, 8, 0, 0)
