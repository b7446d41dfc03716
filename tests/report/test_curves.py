from report_subjects import subject

from experiments.report import curves
from jaxmlp.objectives.records import Metric


def test_a_panel_for_each_metric_the_loss_first_and_a_line_for_each_set():
    lines = [{"epoch": 1, "train_accuracy": 0.5, "test_loss": 2.0, "train_loss": 1.0, "seconds": 1}]
    loss, accuracy = curves.panels(lines, ())
    assert (loss["name"], loss["is_share"]) == ("loss", False)
    series = [{"name": "train", "values": [1.0]}, {"name": "test", "values": [2.0]}]
    assert loss["series"] == series
    assert (accuracy["name"], accuracy["is_share"]) == ("accuracy", True)


def test_an_epoch_without_a_look_has_no_value():
    lines = [{"train_loss": 1.0}, {"train_loss": 0.5, "test_loss": 3.0}]
    assert curves.panels(lines, ())[0]["series"][1] == {"name": "test", "values": [None, 3.0]}


def test_a_learning_rate_is_drawn_if_it_changes():
    same = [{"train_loss": 1.0, "learning_rate": 0.1}] * 2
    assert [panel["name"] for panel in curves.panels(same, ())] == ["loss"]
    falling = [*same, {"train_loss": 1.0, "learning_rate": 0.05}]
    panel = curves.panels(falling, ())[1]
    assert panel["name"] == "learning rate"
    assert panel["series"][0]["values"] == [0.1, 0.1, 0.05]


def test_an_own_metric_is_read_as_it_says():
    lines = [{"train_odd_one": 0.25}]
    assert curves.panels(lines, [Metric("odd_one", is_share=True)])[0]["is_share"]
    assert curves.panels(lines, ())[0]["name"] == "odd one"


def test_a_run_without_an_epoch_has_no_curves(tmp_path):
    assert curves.of(subject(tmp_path)._replace(lines=[])) is None
    assert curves.of(subject(tmp_path))["note"] == (
        "train: mean over the epoch, before each update; the others: after the epoch"
    )
