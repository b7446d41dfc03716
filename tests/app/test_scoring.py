"""A run's scores: what is in its summary, what is shown of them, and when there are none."""

import io

import jax
import numpy as np
import optax
import pytest
from programs import call
from rich.console import Console
from run_files import read, save_npz

import jaxmlp
from experiments import mnist
from experiments.app import report, scoring
from experiments.app.job import Job
from experiments.scores import baselines, figures, worth

RECIPE = jaxmlp.Recipe(
    jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3), optax.adam, {"learning_rate": 0.01}, 16, 2
)
BASELINES = ["commonest_class", "logistic_regression", "gradient_boosting"]


def job_of(blobs, folder, with_baselines=True, **more):
    outputs = {} if with_baselines is None else {"baselines": with_baselines}
    config = {"sizes": [4, 8, 3], "task": "classification", "outputs": outputs, **more}
    data = blobs._replace(name="blobs", source="a formula", num_classes=3)
    return Job(RECIPE, data, config, folder)


@pytest.fixture(scope="module")
def outputs(blobs):
    """Answers of which most are right."""
    weights = np.exp(np.random.default_rng(0).normal(size=(30, 3)) + 3 * np.eye(3)[blobs[3]])
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def text_of(function, *arguments):
    screen = io.StringIO()
    function(Console(file=screen, width=80), *arguments)
    return screen.getvalue()


def test_the_networks_scores_stand_beside_the_baselines(blobs, outputs, tmp_path):
    found = scoring.of_run(job_of(blobs, tmp_path), outputs)
    inputs, labels, others, held_out = blobs[:4]
    fitted = baselines.fit("classification", inputs, labels, others, 3).outputs
    answers = {"network": outputs, **fitted}
    expected = {n: figures.of("classification", held_out, each) for n, each in answers.items()}
    assert found["scores"] == expected
    assert list(found["scores"]) == ["network", *BASELINES]
    verdict = worth.verdict("classification", held_out, answers)
    assert found["worth"] == verdict | {"notes": []}


def test_values_of_a_table_are_called_as_its_columns(blobs, tmp_path):
    data = blobs._replace(test_labels=blobs.test_inputs[:, :2], num_classes=0)
    one = np.ones((30, 2))
    job = job_of(blobs, tmp_path, with_baselines=False, task="regression")
    for names, config in ((["0", "1"], {}), (["b", "a"], {"table": {"target": ["b", "a"]}})):
        of_values = job._replace(data=data, config={**job.config, **config})
        each = scoring.of_run(of_values, one)["scores"]["network"]["each"]
        assert list(each) == names
        error = np.abs(data.test_labels[:, 0] - 1).mean()
        assert each[names[0]]["mae"] == pytest.approx(error, rel=1e-5)


def test_the_networks_own_are_there_without_baselines(blobs, outputs, tmp_path):
    found = scoring.of_run(job_of(blobs, tmp_path, with_baselines=False), outputs)
    assert found == {"scores": {"network": figures.of("classification", blobs[3], outputs)}}
    named = job_of(blobs, tmp_path, with_baselines=False, task="multilabel")
    labels = (outputs > 0.5).astype(int)
    data = named.data._replace(test_labels=labels, class_names=("a", "b", "c"))
    each = scoring.of_run(named._replace(data=data), outputs)["scores"]["network"]["each"]
    assert list(each) == ["a", "b", "c"]


def test_data_that_are_read_in_windows_have_no_baselines(blobs, outputs, tmp_path):
    job = job_of(blobs, tmp_path, outputs={"baselines": True, "window": 1})
    found = scoring.of_run(job, outputs)
    assert list(found["scores"]) == ["network"]
    assert found["worth"] == {"notes": [scoring.WINDOWED]}
    assert scoring.WINDOWED in text_of(scoring.show, found)
    assert text_of(scoring.announce, job) == ""


@pytest.mark.parametrize(("with_baselines", "is_asked"), [(None, False), (False, True)])
def test_a_run_from_before_there_were_scores_has_none(blobs, tmp_path, with_baselines, is_asked):
    job = job_of(blobs, tmp_path, with_baselines)
    assert scoring.is_asked(job) == is_asked
    without = job.data._replace(test_inputs=None, test_labels=None)
    assert not scoring.is_asked(job._replace(data=without))
    assert text_of(scoring.announce, job) == ""
    old = job._replace(config={name: value for name, value in job.config.items() if name == "task"})
    assert not scoring.is_asked(old)
    assert text_of(scoring.show, {}) == ""


def test_what_takes_a_while_is_announced(blobs, tmp_path):
    text = "fits the baselines on the training rows, for comparison\n"
    assert text_of(scoring.announce, job_of(blobs, tmp_path)) == text


@pytest.mark.parametrize("form", ["classes", "one-hot", "floats"])
def test_rows_weigh_what_they_and_their_classes_do(form, blobs, tmp_path):
    labels = blobs.train_labels
    of_class = np.array([0.5, 2.0, 4.0])[labels]
    shown = {"classes": labels, "one-hot": np.eye(3)[labels], "floats": labels[:, None] * 1.0}
    job = job_of(blobs, tmp_path, class_weights=[0.5, 2.0, 4.0])
    job = job._replace(data=job.data._replace(train_labels=shown[form]))
    np.testing.assert_array_equal(scoring.weights(job), of_class)
    own = np.linspace(0, 1, 50)
    both = job._replace(data=job.data._replace(train_weights=own))
    np.testing.assert_allclose(scoring.weights(both), own * of_class)
    alone = both._replace(config={**both.config, "class_weights": None})
    assert scoring.weights(alone) is own
    assert scoring.weights(job_of(blobs, tmp_path)) is None


def test_baselines_weigh_as_training_does(blobs, outputs, tmp_path):
    plain = scoring.of_run(job_of(blobs, tmp_path), outputs)
    weighed = scoring.of_run(job_of(blobs, tmp_path, class_weights=[1.0, 1.0, 90.0]), outputs)
    then, now = (each["scores"]["logistic_regression"]["log_loss"] for each in (plain, weighed))
    assert then != now


def test_scores_are_shown_in_a_table_or_in_a_line(blobs, outputs, tmp_path):
    found = scoring.of_run(job_of(blobs, tmp_path), outputs)
    text = text_of(scoring.show, {**found, "worth": {**found["worth"], "notes": ["a [note]"]}})
    assert "\nlogistic regression" in text
    assert found["worth"]["text"] in text.replace("\n", "")
    assert text.endswith("\na [note]\n")
    del found["worth"], found["scores"]["logistic_regression"]
    del found["scores"]["gradient_boosting"], found["scores"]["commonest_class"]
    line = text_of(scoring.show, found)
    assert line.startswith("test set: accuracy ")
    assert "(95 % interval " in line


def test_notes_of_baselines_are_left_beside_the_verdict(blobs, outputs, tmp_path, monkeypatch):
    monkeypatch.setattr(baselines, "BOOSTING_WORK", 0)
    (note,) = scoring.of_run(job_of(blobs, tmp_path), outputs)["worth"]["notes"]
    assert note.startswith("no gradient boosting: 50 rows of 4 features in 300 trees")


def test_a_run_announces_shows_and_keeps_its_scores(blobs, tmp_path, capsys):
    flag, folder = save_npz(tmp_path / "data.npz", blobs), tmp_path / "run"
    few = ["--num_epochs=2", "--hidden_sizes=8", "--noplots", "--noreport"]
    call(mnist, flag, *few, "--baselines", "--class_weights=balanced", f"--workdir={folder}")
    out, summary = capsys.readouterr().out, read(folder / "summary.json")
    assert list(summary["scores"]) == ["network", *BASELINES]
    network = summary["scores"]["network"]
    assert network["accuracy"] == pytest.approx(summary["test_accuracy"], rel=1e-5)
    assert network["log_loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    places = [
        out.index(text)
        for text in (
            "fits the baselines",
            "test accuracy",
            "\ngradient boosting",
            "The network is ",
        )
    ]
    assert places == sorted(places)
    counts = np.bincount(blobs.train_labels)
    expected = (50 / (3 * counts)).tolist()
    assert read(folder / "config.json")["class_weights"] == pytest.approx(expected)
    assert read(folder / "receipt.json")["summary"]["scores"] == summary["scores"]


def test_answers_in_windows_are_those_at_once(blobs, tmp_path, monkeypatch):
    params = RECIPE.model.init(jax.random.key(0))
    job = job_of(blobs, tmp_path)
    whole = report.answers(job, params)
    monkeypatch.setattr(report, "PIECE", 8)
    windowed = job._replace(config={**job.config, "outputs": {"window": 1}})
    np.testing.assert_allclose(report.answers(windowed, params), whole, rtol=1e-6)
