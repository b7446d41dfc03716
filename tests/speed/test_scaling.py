import contextlib

import numpy as np
import pytest

from experiments.speed import limit, scaling
from experiments.speed.processes import AnswerError
from jaxmlp import Dataset


def test_one_thing_grows_at_a_time_and_work_is_counted(monkeypatch):
    inputs, labels = np.zeros((8, 4), np.uint8), np.arange(8, dtype=np.int32) % 3
    data = Dataset(inputs, labels, inputs[:2], labels[:2], num_classes=3)
    done, told, caches = [], [], set()

    @contextlib.contextmanager
    def running(peer, work, cache):
        caches.add(cache)
        with np.load(work.data) as arrays:
            done.append((peer.name, work, len(arrays["train_inputs"])))
            assert np.array_equal(arrays["train_labels"], np.resize(labels, done[-1][2]))
        yield iter([9.0, 4.0, 2.0, 3.0])

    def turn(process, at):
        if work_of(done[-1]).hidden == (1024,):
            raise AnswerError("too wide")
        return next(process), {"peak_bytes": len(done)}

    def work_of(case):
        return case[1]

    monkeypatch.setattr(scaling, "running", running)
    monkeypatch.setattr(scaling, "turn", turn)
    monkeypatch.setattr(scaling, "answer", lambda process, at: None)
    rows = scaling.measure(data, told.append)
    assert [(row["axis"], row["value"]) for row in rows] == [
        *(("members", 1), ("members", 8), ("members", 64)),
        *(("width", 64), ("width", 256), ("width", 1024)),
        *(("depth", 1), ("depth", 2), ("depth", 4)),
        *(("batch", 64), ("batch", 256), ("batch", 1024)),
        *(("data", 0.25), ("data", 1), ("data", 4)),
    ]
    assert len(caches) == len(rows)  # none finds what another has compiled
    assert told[:4] == ["members 1", "members 8", "members 64", "width 64"]
    assert [name for name, _, _ in done] == ["population"] * 3 + ["alone"] * 12
    assert [work.num_networks for _, work, _ in done] == [1, 8, 64] + [8] * 12
    one, two, four = (256,), (256,) * 2, (256,) * 4
    assert [work.hidden for _, work, _ in done] == [
        *([one] * 3), *((64,), one, (1024,)), *(one, two, four), *([one] * 6),
    ]  # fmt: skip
    assert [work.batch_size for _, work, _ in done] == [256] * 9 + [64, 256, 1024] + [256] * 3
    assert [count for _, _, count in done] == [8] * 12 + [2, 8, 32]
    assert {work.num_epochs for _, work, _ in done} == {4}

    usual = [n for n, row in enumerate(rows) if row["value"] == scaling.USUAL[row["axis"]]]
    assert [rows[number]["axis"] for number in usual] == list(scaling.USUAL)
    assert len({done[number][1]._replace(data="") for number in usual}) == 1  # the same work

    assert rows[1]["network_epoch_seconds"] == [2.5 / 8, 3 / 8, 3.5 / 8]
    assert rows[3]["network_epoch_seconds"] == [2.5, 3, 3.5]
    assert rows[5]["failed"] == "too wide"
    assert rows[8]["sizes"] == (4, 256, 256, 256, 256, 3)
    assert rows[14]["gflops"] == pytest.approx(limit.flops((4, 256, 3), 32) / 3 / 1e9)
    assert rows[14]["peak_bytes"] == 15
    assert [row["num_networks"] for row in rows[:4]] == [1, 8, 64, 1]
