import json
from pathlib import Path

import pytest

from experiments.speed.gpu import children, programs
from experiments.speed.gpu.cases import SMALL
from experiments.speed.gpu.children import Done

ENDS = ["a" * 64, "b" * 64]


@pytest.fixture
def calls(monkeypatch):
    """What was run; each run leaves a receipt, and what is to be killed is."""
    calls = []

    def run(module, arguments, **more):
        calls.append((module, list(map(str, arguments)), more))
        for argument in map(str, arguments):
            if argument.startswith("--workdir="):
                folder = Path(argument.partition("=")[2])
                folder.mkdir(exist_ok=True)
                (folder / "receipt.json").write_text(json.dumps({"params_sha256": ENDS}))
        return Done(-9 if "kill_when" in more else 0, 1.0, "done")

    monkeypatch.setattr(children, "run", run)
    return calls


def test_every_program_is_run_and_says_what_it_is_about(calls, tmp_path):
    told = []
    rows = programs.check(SMALL, told.append, tmp_path)
    assert [module for module, *_ in calls] == [
        *("mnist", "verify", "predict", "mnist", "mnist", "sweep", "replay", "lessons.descent"),
    ]
    assert told == [row["what"] for row in rows if row["promise"] != "G3"]
    assert [row["promise"] for row in rows] == ["", "G1", "", "", "", "G3", "", "G2", ""]
    assert all(row["held"] and not row["detail"] for row in rows)
    for module, arguments, _ in calls:
        trains = module in ("mnist", "sweep", "lessons.descent")
        assert ("--deterministic" in arguments) == trains
        assert ("--nocompilation_cache" in arguments) == (module != "predict")
    (_, killed, more), (_, resumed, _) = calls[3:5]
    assert set(resumed) - set(killed) == {"--resume"}
    assert "--num_epochs=20" in killed
    assert {"--num_epochs=20", "--dataset=digits"} <= set(calls[0][1])
    (tmp_path / "cut" / "metrics.jsonl").write_text("{}\n{}\n{")
    assert not more["kill_when"]()
    (tmp_path / "cut" / "metrics.jsonl").write_text("{}\n{}\n{}\n")
    assert more["kill_when"]()
    assert "--checkpoint_every=1epoch" in killed
    assert "--mode=exact" in calls[5][1]
    assert calls[6][1][1] == "--member=seed=2"


def test_a_program_that_fails_is_named(calls, tmp_path, monkeypatch):
    run = children.run

    def fail(module, arguments, **more):
        done = run(module, arguments, **more)
        if module == "verify" or "kill_when" in more:
            return Done(4 if module == "verify" else 0, 1.0, "it differs\n")
        return done

    monkeypatch.setattr(children, "run", fail)
    rows = programs.check(SMALL, lambda _: None, tmp_path)
    found = {row["what"]: row["detail"] for row in rows if not row["held"]}
    assert found == {
        "verify: a process that compiles anew": "exit code 4: it differs",
        "mnist is killed": "it ended before it could be killed",
    }


@pytest.mark.parametrize("other", [["a" * 64], [], None])
def test_a_run_that_went_on_to_other_bits_is_seen(other, tmp_path):
    for name, digests in (("run", ENDS), ("cut", other)):
        (tmp_path / name).mkdir()
        record = {} if digests is None else {"params_sha256": digests}
        (tmp_path / name / "receipt.json").write_text(json.dumps(record))
    row = programs.same_end(tmp_path / "run", tmp_path / "cut")
    assert (row["held"], row["promise"]) == (False, "G3")
    assert programs.same_end(tmp_path / "run", tmp_path / "run")["held"]
    assert not programs.same_end(tmp_path / "no", tmp_path / "no")["held"]
    (tmp_path / "cut" / "receipt.json").write_text('{"params_sha256": []}')
    assert not programs.same_end(tmp_path / "cut", tmp_path / "cut")["held"]


@pytest.mark.slow
def test_all_of_them_do_as_they_promise(tmp_path):
    rows = programs.check(SMALL, print, tmp_path)
    assert [row for row in rows if not row["held"]] == []
