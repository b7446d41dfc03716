import json
import time

import pytest

from experiments.speed.gpu import children
from experiments.speed.gpu.children import Done

LESSONS = "lessons"  # starts no JAX


@pytest.mark.parametrize("is_own", [True, False])
def test_a_program_runs_to_its_end_with_its_variables_and_those_of_all(is_own, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90" if is_own else "40")
    done = children.run(LESSONS, ["--help"], {"COLUMNS": "40"} if is_own else {})
    assert done.code == 0
    assert "Flags:" in done.printed
    assert max(map(len, done.printed.splitlines())) <= 60
    assert 0 < done.seconds < 60


def test_a_mistake_has_its_line():
    done = children.run(LESSONS, ["--only=nothing"])
    assert done.code == 1
    assert children.reason(done).startswith("exit code 1: error: --only needs lessons")
    assert children.reason(Done(-9, 1.0, "")) == "exit code -9: it said nothing"
    assert children.reason(Done(3, 1.0, "one\ntwo\n")) == "exit code 3: two"
    assert len(children.reason(Done(3, 1.0, "x " * 1000))) == 300


def test_a_program_is_killed_when_it_is_time():
    looks = iter([False, False, True])
    assert children.run(LESSONS, [], kill_when=lambda: next(looks)).code == -9
    assert next(looks, "all were") == "all were"
    assert children.run(LESSONS, ["--help"], kill_when=lambda: False).code == 0


def test_a_program_that_does_not_end_is_ended():
    started = time.perf_counter()
    assert children.run(LESSONS, ["--only=descent"], patience=0.2).code == -9
    assert children.run(LESSONS, [], kill_when=lambda: False, patience=0.0).code == -9
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        (Done(0, 2.0, 'starting\n{"digest": "abc"}\n'), {"failed": None, "digest": "abc"}),
        (Done(1, 2.0, '{"digest": "abc"}\n'), {"failed": 'exit code 1: {"digest": "abc"}'}),
        (Done(0, 2.0, "no JSON"), {"failed": "exit code 0: no JSON"}),
        (Done(0, 2.0, ""), {"failed": "exit code 0: it said nothing"}),
    ],
)
def test_what_a_program_says_last_is_read(done, expected, monkeypatch):
    asked = []

    def run(*given):
        asked.append(given)
        return done

    monkeypatch.setattr(children, "run", run)
    assert children.ask("name", "full", XLA_FLAGS="--x") == {"seconds": 2.0, **expected}
    assert asked == [("name", ("full",), {"XLA_FLAGS": "--x"})]


def test_a_line_is_whole_once_it_has_ended(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert not children.has_lines(path, 1)
    path.write_text("{}\n" + json.dumps({"epoch": 2}))
    assert children.has_lines(path, 1)
    assert not children.has_lines(path, 2)
    path.write_text("{}\n{}\n")
    assert children.has_lines(path, 2)
