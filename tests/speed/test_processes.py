import os
import time

import numpy as np
import peer_stubs
import pytest

from experiments.speed import processes
from experiments.speed.peers import Peer
from experiments.speed.peers.line import Data, Work
from experiments.speed.processes import AnswerError, answer, missing, running, turn

SAY = "import os, sys; os.write(int(sys.argv[2]), b'{}\\n')"


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PEERS", tmp_path)
    monkeypatch.setattr(processes, "REST", 0.0)
    data = Data(*np.zeros((2, 3, 4), np.uint8), *np.zeros((2, 3), np.int32))
    np.savez(tmp_path / "data.npz", **data._asdict())
    return Work(str(tmp_path / "data.npz"), (5,), 2, 2, 0.1, 2, 3, 7)


def test_a_peer_says_where_it_is_and_is_timed_from_here(work, tmp_path):
    peer = peer_stubs.write(
        *(tmp_path, "sleeper"),
        before="print('a banner')",
        epoch="time.sleep(0.3 * epoch); print('chatter')",
        accuracies="[work.seed, work.sizes(4)[-1], len(data.train_inputs)]",
    )
    with running(peer, work, tmp_path) as process:
        answer(process, "imported")
        answer(process, "loaded")
        first, said = turn(process, "trained")
        second, _ = turn(process, "trained")
        _, end = turn(process, "tested")
    assert 0.3 <= first < second
    assert second >= 0.6
    assert 0 <= said["waiting_seconds"] < 0.1
    assert end["accuracies"] == [7, 2, 3]
    assert end["versions"] == {"numpy": np.__version__}


def test_before_a_turn_all_come_to_rest_which_is_not_timed(work, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "REST", 0.5)
    with running(peer_stubs.write(tmp_path, "quick"), work, tmp_path) as process:
        answer(process, "imported")
        answer(process, "loaded")
        started = time.perf_counter()
        seconds, _ = turn(process, "trained")
        assert time.perf_counter() - started > 0.5 > seconds


def test_the_memory_is_the_peers_own_at_its_largest_and_not_its_parents(work, tmp_path):
    ballast = np.ones(300_000_000, np.uint8)
    for name, epoch, least, most in [
        ("light", "pass", 5e6, ballast.nbytes / 2),
        ("heavy", "len(b'x' * 300_000_000)", 3e8, 5e8),
    ]:
        with running(peer_stubs.write(tmp_path, name, epoch=epoch), work, tmp_path) as process:
            answer(process, "imported")
            answer(process, "loaded")
            assert least < turn(process, "trained")[1]["peak_bytes"] < most


def test_a_peer_that_waits_uses_no_processor_and_one_that_spins_is_seen(work, tmp_path):
    spin = "import threading; threading.Thread(target=lambda: [0 for _ in iter(int, 1)]"
    for name, before, is_busy in [
        ("idle", "", False),
        ("spinning", f"{spin}, daemon=True).start()", True),
    ]:
        peer = peer_stubs.write(tmp_path, name, before=before)
        with running(peer, work, tmp_path) as process:
            answer(process, "imported")
            answer(process, "loaded")
            turn(process, "trained")
            time.sleep(0.5)
            waited = turn(process, "trained")[1]["waiting_seconds"]
        assert (waited > 0.1) == is_busy


@pytest.mark.parametrize(
    ("before", "epoch", "expected"),
    [
        (
            "import no_such_package",
            "pass",
            "ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("", "raise ValueError('no room\\n  at all')", "ValueError: no room"),
        ("import os; os._exit(3)", "pass", "exit code 3"),
        ("import os, sys; print('gone', file=sys.stderr, flush=True); os._exit(3)", "", "gone"),
        (SAY.format('{"at": "else"}'), "pass", 'expected it to say imported, got {"at": "else"}'),
        (SAY.format("a word"), "pass", "expected it to say imported, got a word"),
        (SAY.format("[1]"), "pass", "expected it to say imported, got [1]"),
    ],
)
def test_a_peer_that_ends_says_why_in_a_line(before, epoch, expected, work, tmp_path):
    peer = peer_stubs.write(tmp_path, "dying", before=before, epoch=epoch or "pass")

    def follow():
        answer(process, "imported")
        answer(process, "loaded")
        turn(process, "trained")

    with running(peer, work, tmp_path) as process, pytest.raises(AnswerError) as told:
        follow()
    assert str(told.value).startswith(expected)
    assert "\n" not in str(told.value)


def test_a_peer_that_does_not_answer_is_given_up_and_ended(work, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    peer = peer_stubs.write(tmp_path, "hanging", before="time.sleep(100)")
    with running(peer, work, tmp_path) as process:
        with pytest.raises(AnswerError, match=r"^no answer within 0\.1 s$"):
            answer(process, "imported")
        assert process.popen.wait(timeout=30) < 0  # and at once, for others are to have their turns


def test_a_peer_ends_with_its_block(work, tmp_path):
    with running(peer_stubs.write(tmp_path, "waiting"), work, tmp_path) as process:
        answer(process, "imported")
    assert process.popen.returncode is not None


def test_a_peer_whose_parent_is_gone_ends(work, tmp_path):
    with running(peer_stubs.write(tmp_path, "orphan"), work, tmp_path) as process:
        answer(process, "imported")
        answer(process, "loaded")
        process.popen.stdin.close()
        assert process.popen.wait(timeout=30) == 1


def test_what_all_have_around_them_is_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "mine")
    given = processes.surroundings(tmp_path)
    assert given["PYTHONPATH"].split(os.pathsep) == [str(processes.ROOT), "mine"]
    assert (given["JAX_PLATFORMS"], given["CUDA_VISIBLE_DEVICES"]) == ("cpu", "")
    caches = [given["JAX_COMPILATION_CACHE_DIR"], given["TORCHINDUCTOR_CACHE_DIR"]]
    assert caches == [str(tmp_path / "jax"), str(tmp_path / "torch")]


def test_packages_that_are_missing_are_named():
    assert missing(Peer("x", "x", ("numpy", "no-such-package", "jax"))) == ["no-such-package"]


@pytest.mark.parametrize("on_gpu", [False, True])
def test_gpus_are_hidden_unless_a_peer_is_to_have_them(on_gpu, work, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    seen = "[os.environ.get('CUDA_VISIBLE_DEVICES'), os.environ.get('JAX_PLATFORMS')]"
    peer = peer_stubs.write(tmp_path, "looking", before="import os", accuracies=seen)
    with running(peer, work, tmp_path, on_gpu) as process:
        answer(process, "imported")
        answer(process, "loaded")
        turn(process, "trained")
        turn(process, "trained")
        _, said = turn(process, "tested")
    assert said["accuracies"] == (["3", None] if on_gpu else ["", "cpu"])
