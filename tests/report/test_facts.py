import pytest
from report_subjects import subject
from report_sweeps import subject as sweep_subject

from experiments.report import facts, page, sweep_settings

RUN = {  # the least that a page is made of
    "run": {
        **{"title": "a run", "notice": None, "verdict": [], "findings": []},
        "what": {"data": "blobs"},
        "figures": {"sets": ["test"], "rows": [{"name": "loss", "values": ["0.5"]}]},
    },
}


def test_what_was_trained_on_what(tmp_path):
    found = facts.of(subject(tmp_path))
    assert found["title"] == "6-5-3 on dots"
    assert found["what"]["examples"] == "8 train, 8 test"
    assert found["what"]["trained"] == "2 epochs in batches of 4, with adam at 0.25, seed 0"
    assert found["what"]["data"] == "dots, from a test"
    assert (found["notice"], found["verdict"], found["scores"]) == (None, [], None)


def test_a_title_has_the_target_of_a_table(tmp_path):
    made = subject(tmp_path)
    config = made.job.config | {"table": {"target": ["a", "b"]}}
    made = made._replace(job=made.job._replace(config=config))
    assert facts.of(made)["title"] == "6-5-3 on dots, target a, b"
    swept = sweep_subject(tmp_path, num_seeds=1, axes={})
    swept = swept._replace(job=swept.job._replace(config=swept.job.config | config))
    assert sweep_settings.head(swept)["title"] == "1 network on dots, target a, b"


def test_what_was_found_in_the_data_is_said(tmp_path):
    made = subject(tmp_path)
    made = made._replace(job=made.job._replace(findings=("ignored: <id>",)))
    found = facts.of(made)
    assert found["findings"] == ["ignored: <id>"]
    text = page.render("run.html", {"run": found})
    assert "<li>ignored: &lt;id&gt;</li>" in text


def test_a_path_is_said_once(tmp_path):
    made = subject(tmp_path, name="/home/me/rows.npz", source="the file rows.npz")
    assert facts.of(made)["what"]["data"] == "the file rows.npz"


def test_what_no_reader_may_miss(tmp_path):
    made = subject(tmp_path)
    made = made._replace(
        job=made.job._replace(notice="digits in MNIST's place"),
        summary=made.summary | {"verdict": {"worse than it began": "train loss 2, and 1"}},
    )
    found = facts.of(made)
    assert found["notice"] == "digits in MNIST's place"
    assert found["verdict"] == ["This run ended worse than it began: train loss 2, and 1"]


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("classification", ["accuracy", "loss"]),
        ("multilabel", ["binary accuracy", "loss"]),
        ("regression", ["absolute error", "r2", "loss"]),
    ],
)
def test_figures_of_each_set_the_test_set_s_first(task, names, tmp_path):
    made = subject(tmp_path, task)
    made = made._replace(summary=made.summary | {"test_loss": 0.25, "train_loss": None})
    found = facts.of(made)["figures"]
    assert found["sets"] == ["test", "train"]
    assert [row["name"] for row in found["rows"]] == names
    assert found["rows"][-1]["values"] == ["0.2500", "-"]


def test_scores_stand_beside_their_baselines():
    found = facts.scores(
        {
            "network": {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "f1": None},
            "commonest_class": {"accuracy": 0.1, "each": {}},
        }
    )
    assert found["names"] == ["accuracy", "F1"]
    assert found["rows"] == [
        {"name": "network", "values": ["90.00 % (80.0 to 95.0 %)", "–"]},
        {"name": "commonest class", "values": ["10.00 %", "–"]},
    ]
    assert found["said"] == ["F1 is that of class 1."]


def test_the_class_that_f1_is_of_is_named(tmp_path):
    made = subject(tmp_path, "binary", class_names=("stayed", "left"))
    scored = {"scores": {"network": {"f1": 0.5}}, "worth": {"text": "No."}}
    made = made._replace(summary=made.summary | scored)
    assert facts.of(made)["scores"]["said"] == ["No.", "F1 is that of left."]


def test_whether_it_was_worth_it_is_said_with_what_was_left_out(tmp_path):
    made = subject(tmp_path)
    worth = {"text": "The network is no better than <b>.", "notes": ["no gradient boosting"]}
    scored = {"scores": {"network": {"r2": 0.5}, "mean": {"r2": 0.0}}, "worth": worth}
    found = facts.of(made._replace(summary=made.summary | scored))["scores"]
    assert found["said"] == [worth["text"], "no gradient boosting"]
    text = page.render("run.html", {"run": RUN["run"] | {"scores": found}})
    assert "<p>The network is no better than &lt;b&gt;.</p>" in text
    assert "<p>no gradient boosting</p>" in text
    assert "<h3>Scores on the test set, beside baselines</h3>" in text
    alone = facts.scores({"network": {"r2": 0.5}}, {"notes": ["none"]})
    assert alone["said"] == ["none"]
    text = page.render("run.html", {"run": RUN["run"] | {"scores": alone}})
    assert "<h3>Scores on the test set</h3>" in text
