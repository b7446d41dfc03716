import shlex
from pathlib import Path

from report_sweeps import subject

from experiments.report import sweep_receipt


def test_the_best_setting_s_first_network_is_the_one_to_replay():
    made = subject(Path("runs/my sweep"))
    whole, replay, again = sweep_receipt.commands_of(made)
    assert shlex.split(whole["command"]) == ["python", "-m", "experiments.verify", "runs/my sweep"]
    assert "fast" not in whole["what"]
    expected = ["python", "-m", "experiments.replay", "runs/my sweep"]
    assert shlex.split(replay["command"]) == [*expected, "--member=learning_rate=0.1,seed=0"]
    assert shlex.split(again["command"])[-1] == "runs/my sweep"
    assert "fast" not in replay["what"]


def test_fast_mode_is_said_to_promise_less():
    made = subject(Path("a"))
    made.summary["mode"] = "fast"
    whole, replay, _ = sweep_receipt.commands_of(made)
    for each in (whole, replay):
        assert "fast mode promises no equal bits" in each["what"]


def test_digests_and_settings(tmp_path):
    found = sweep_receipt.of(subject(tmp_path))
    assert found["digests"] == {"parameters": "c" * 64, "data": "b" * 64}
    assert found["settings"]["optimizer"] == "adam"
    assert list(found["settings"]) == sorted(found["settings"])
    assert "given" not in found["settings"]


def texts(made):
    return [each["command"] for each in sweep_receipt.commands_of(made)]


def test_networks_that_are_saved_are_asked(tmp_path):
    made = subject(tmp_path, num_seeds=1)
    (tmp_path / "networks").mkdir()
    for rate in (0.1, 0.01, 0.001):
        assert not any("predict" in each for each in texts(made))
        (tmp_path / "networks" / f"learning_rate={rate},seed=0.npz").touch()
    assert texts(made)[2] == f"python -m experiments.predict {tmp_path} digit.png"
    assert len(texts(made)) == 4


def test_networks_of_a_checkpoint_can_be_saved(tmp_path):
    made = subject(tmp_path, num_seeds=1)
    assert len(texts(made)) == 3
    (tmp_path / "checkpoints").mkdir()
    expected = f"--resume --save_networks --workdir={tmp_path}"
    assert texts(made)[2] == f"python -m experiments.sweep {expected}"
    of_table = made.job._replace(config={**made.job.config, "table": {}})
    assert texts(made._replace(job=of_table))[2] == f"python -m experiments.table {expected}"
    (tmp_path / "processes").mkdir()  # each with its own checkpoint
    assert len(texts(made)) == 3
