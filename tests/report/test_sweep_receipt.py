import shlex
from pathlib import Path

from report_sweeps import subject

from experiments.report import sweep_receipt


def test_the_best_setting_s_first_network_is_the_one_to_replay():
    made = subject(Path("runs/my sweep"))
    replay, again = sweep_receipt.commands_of(made)
    expected = ["python", "-m", "experiments.replay", "runs/my sweep"]
    assert shlex.split(replay["command"]) == [*expected, "--member=learning_rate=0.1,seed=0"]
    assert shlex.split(again["command"])[-1] == "runs/my sweep"
    assert "fast" not in replay["what"]


def test_fast_mode_is_said_to_promise_less():
    made = subject(Path("a"))
    made.summary["mode"] = "fast"
    assert "fast mode promises no equal bits" in sweep_receipt.commands_of(made)[0]["what"]


def test_digests_and_settings(tmp_path):
    found = sweep_receipt.of(subject(tmp_path))
    assert found["digests"] == {"parameters": "c" * 64, "data": "b" * 64}
    assert found["settings"]["optimizer"] == "adam"
    assert list(found["settings"]) == sorted(found["settings"])
    assert "given" not in found["settings"]
