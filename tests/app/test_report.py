import io

import jax
import numpy as np
import optax
import pytest
from rich.console import Console
from run_files import read

import jaxmlp
from experiments.app import life, population, report, solo, verdict
from experiments.app.job import Job
from experiments.data import sources
from experiments.folder.files import write_json
from experiments.plots import run as plots
from jaxmlp.objectives.tasks import metrics_of
from jaxmlp.runtime import receipt
from jaxmlp.training import loop

CONFIG = {"seed": 7, "sizes": [4, 8, 3], "patience": None, "mesh": None}
RECIPE = jaxmlp.Recipe(
    jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3), optax.adam, {"learning_rate": 0.01}, 16, 2
)


@pytest.fixture
def job(blobs, tmp_path):
    data = blobs._replace(name="blobs", source="a formula", sha256="5" * 64, num_classes=3)
    return Job(RECIPE, sources.hold_out(data, 0.2), CONFIG, tmp_path)


def finished(job):
    start = loop.beginning(job.recipe, job.data, 7)
    line = {"train_loss": 1.0, "test_accuracy": 0.5, "test_loss": 1.0, "train_accuracy": 0.5}
    fault = jaxmlp.Fault(1, 1, "loss", "layer_0", "")
    return start._replace(history=(line, line), faults=(fault,))


def test_a_summary_scores_every_set_with_the_parameters_that_are_kept(job):
    params = job.recipe.model.init(jax.random.key(3))
    summary = report.summarize(job, finished(job), (params, 1), {"train": 1.25})
    scores = {}
    for name, (inputs, labels) in job.data.sets().items():
        logits = np.asarray(jax.vmap(job.recipe.model.apply, (None, 0))(params, inputs))
        scores[f"{name}_accuracy"] = (logits.argmax(1) == labels).mean()
        shifted = logits - logits.max(1, keepdims=True)
        log_sums = np.log(np.exp(shifted).sum(1))
        scores[f"{name}_loss"] = (log_sums - shifted[np.arange(len(labels)), labels]).mean()
    assert {name: summary[name] for name in scores} == pytest.approx(scores, rel=1e-5)
    rest = {name: value for name, value in summary.items() if name not in scores}
    assert rest == {
        **{"num_train": 40, "num_validation": 10, "num_test": 30, "num_epochs": 2, "seed": 7},
        **{"num_parameters": 4 * 8 + 8 + 8 * 3 + 3, "num_faults": 1},
        **{"params_sha256": jaxmlp.digest(params), "verdict": summary["verdict"]},
        **{"params_epoch": 1, "dataset": "blobs", "seconds": {"train": 1.25}},
    }


def test_a_receipt_has_the_settings_the_data_the_machine_and_each_epochs_digest(job):
    digests = ["a" * 64, "b" * 64]
    lines = [{"params_sha256": digest} for digest in digests]
    report.write_receipt(job._replace(notice="digits"), lines)
    assert read(job.path / "receipt.json") == {
        "config": CONFIG,
        "data": {"name": "blobs", "source": "a formula", "sha256": "5" * 64},
        "environment": receipt.describe(),
        "params_sha256": digests,
        "summary": {},
        "dataset": "blobs",
        "notice": "digits",
    }
    summary = {"num_epochs": 2, "test_loss": 1.5, "seconds": {"train": 9.0}}
    report.write_receipt(job, lines, summary)
    assert read(job.path / "receipt.json")["summary"] == {"num_epochs": 2, "test_loss": 1.5}


@pytest.mark.parametrize(("epochs", "is_kept"), [(2, True), (1, False)])
def test_a_receipt_keeps_the_figures_of_its_epochs_alone(job, epochs, is_kept):
    write_json(job.path / "summary.json", {"num_epochs": epochs})
    report.write_receipt(job, [{"params_sha256": "a" * 64}] * 2)
    summary = read(job.path / "receipt.json")["summary"]
    assert summary == ({"num_epochs": epochs} if is_kept else {})


def text_of(function, *arguments):
    screen = io.StringIO()
    function(Console(file=screen, width=200), *arguments)
    return screen.getvalue()


def test_the_introduction_says_what_is_trained_on_what(job):
    text = text_of(life.introduce, job, solo.describe(job))
    assert "blobs: 40 train, 10 validation, 30 test examples, from a formula" in text
    assert "network 4-8-3, batch 16, 2 epochs, seed 7" in text
    meshed = job._replace(config={**CONFIG, "mesh": "data:2", "mode": "exact"})
    assert solo.describe(meshed).endswith("on cpu data:2 in exact mode")
    assert "NOT MNIST" in text_of(life.introduce, job._replace(notice="NOT MNIST"), "")


def test_the_introduction_says_a_path_once(job):
    data = job.data._replace(name="/home/me/w.csv", source="the table w.csv, 9 rows")
    text = text_of(life.introduce, job._replace(data=data), "")
    assert "w.csv: 40 train, 10 validation, 30 test examples, from the table w.csv, 9" in text
    assert "/home/me" not in text
    assert life.name_beside(data._replace(source="a copy")) == "/home/me/w.csv"


def test_the_introduction_says_what_differs_from_a_plain_network(job):
    plain = solo.describe(job)
    assert "training's own" not in plain
    model = jaxmlp.mlp((4, 8, 3), norm="batch", dropout=0.3, input_dropout=0.2, input_noise=0.1)
    differing = job._replace(recipe=job.recipe._replace(model=model))
    first, second = solo.describe(differing).splitlines()
    traits = "batch norm, dropout 0.3, input dropout 0.2, input noise 0.1"
    assert f"network 4-8-3, {traits}, batch 16, " in first
    what = "dropout, noise and each batch's statistics"
    assert second == f"training's own figures are with {what}, the others without"
    swept = differing._replace(axes={"dropout": [0.0, 0.3]}, seeds=(0, 1))
    text = "4 networks: dropout 0, 0.3; 2 seeds; all with batch norm, input dropout 0.2, "
    assert population.describe(swept) == f"{text}input noise 0.1"
    assert population.describe(job._replace(seeds=(0, 1))) == "2 networks: 2 seeds"


def test_the_introduction_says_where_products_would_be_slower(job, monkeypatch):
    rounded = jaxmlp.with_precision(job.recipe.model, "bfloat16")
    jobs = {
        "plain": job,
        "rounded": job._replace(recipe=job.recipe._replace(model=rounded)),
        "swept": job._replace(axes={"precision": ["float32", "bfloat16"]}),
    }
    said = {}
    for instructions in ((), ("amx_bf16",)):
        machine = {"platform": "cpu", "instructions": instructions}
        monkeypatch.setattr(life.receipt, "describe", lambda machine=machine: machine)
        texts = {name: text_of(life.introduce, each, "") for name, each in jobs.items()}
        said[instructions] = [name for name, text in texts.items() if life.SLOWER in text]
    assert said == {(): ["rounded", "swept"], ("amx_bf16",): []}


def test_the_picture_says_with_what_training_comes_to_its_figures(job, monkeypatch):
    told = []
    monkeypatch.setattr(plots, "learning_curves", lambda *shown: told.append(shown[-1]))
    model = jaxmlp.mlp((4, 8, 3), input_dropout=0.2)
    differing = job._replace(recipe=job.recipe._replace(model=model))
    report.draw(differing, finished(job), model.init(jax.random.key(3)))
    assert told == ["dropout"]


def test_the_introduction_says_where_a_resumed_run_goes_on(job):
    start = finished(job)
    start = start._replace(state=start.state._replace(step=6))
    assert solo.going_on(start) == "going on after step 6"


def test_the_conclusion_shows_the_figures_and_the_folder(job):
    summary = report.summarize(job, finished(job), (finished(job).state.params, 2), {})
    text = text_of(report.conclude, job, {**summary, "seconds": {"train": 1.25}})
    assert f"test accuracy {100 * summary['test_accuracy']:.2f} %" in text
    assert f"67 parameters, sha256 {summary['params_sha256'][:16]}" in text
    assert "train 1.2 s" in text
    assert f"all in {job.path}" in text


def test_pictures_are_drawn_of_the_test_set_and_of_what_was_learned(job, monkeypatch):
    drawn = {}
    for name in ("learning_curves", "confusion_matrix", "wrong_examples", "first_layer"):
        monkeypatch.setattr(
            plots, name, lambda path, *shown, name=name: drawn.update({path: shown})
        )
    lines = tuple({"train_loss": 1.0 / i, "test_loss": 2.0 / i} for i in (1, 2, 3))
    params = job.recipe.model.init(jax.random.key(3))
    pictured = job._replace(data=job.data._replace(image_shape=(2, 2), num_classes=5))
    names = ("a", "b", "c", "d", "e")
    pictured = pictured._replace(data=pictured.data._replace(class_names=names))
    report.draw(pictured, finished(job)._replace(history=lines), params)

    shown = {path.name: each for path, each in drawn.items()}
    assert {path.parent for path in drawn} == {job.path / "plots"}
    history, known, what = shown["learning_curves.png"]
    assert what == ""
    assert known == metrics_of(job.recipe.task)
    assert {name: values.tolist() for name, values in history.items()} == {
        "train_loss": [1, 1 / 2, 1 / 3],
        "test_loss": [2, 1, 2 / 3],
    }
    data = job.data
    logits = np.asarray(jax.vmap(job.recipe.model.apply, (None, 0))(params, data.test_inputs))
    labels, guesses, num_classes, shown_names = shown["confusion_matrix.png"]
    assert shown_names == names
    np.testing.assert_array_equal(labels, data.test_labels)
    np.testing.assert_array_equal(guesses, logits.argmax(1))
    assert num_classes == 5
    inputs, labels, probabilities, shape, shown_names = shown["wrong_examples.png"]
    assert shown_names == names
    np.testing.assert_array_equal(inputs, data.test_inputs)
    np.testing.assert_array_equal(labels, data.test_labels)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(probabilities, shares / shares.sum(1, keepdims=True), rtol=1e-5)
    assert shape == (2, 2)
    kernel, shape = shown["first_layer.png"]
    np.testing.assert_array_equal(kernel, params[0].kernel)
    assert shape == (2, 2)


def test_yes_or_no_is_confused_by_the_likelier_answer(job, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "confusion_matrix", lambda *given: shown.extend(given))
    data = job.data._replace(test_labels=job.data.test_labels % 2, num_classes=2)
    model = jaxmlp.mlp((4, 1))
    task = jaxmlp.binary_classification()
    job = job._replace(data=data, recipe=job.recipe._replace(model=model, task=task))
    params = model.init(jax.random.key(3))
    report.draw(job, finished(job), params)
    _, labels, guesses, num_classes, names = shown
    assert names == ()
    np.testing.assert_array_equal(labels, data.test_labels)
    logits = np.asarray(jax.vmap(model.apply, (None, 0))(params, data.test_inputs))[:, 0]
    np.testing.assert_array_equal(guesses, logits > 0)
    assert 0 < guesses.sum() < len(guesses)
    assert num_classes == 2


def test_the_conclusion_says_loudly_that_a_run_was_of_no_use(job):
    summary = report.summarize(job, finished(job), (finished(job).state.params, 2), {})
    summary |= {"verdict": {verdict.WORSE: "train loss 9, and 2 before training"}}
    text = text_of(report.conclude, job, summary)
    assert "THIS RUN ENDED WORSE THAN IT BEGAN: train loss 9, and 2 before training\n" in text


def test_the_conclusion_names_the_class_that_f1_is_of(job):
    summary = report.summarize(job, finished(job), (finished(job).state.params, 2), {})
    named = job._replace(data=job.data._replace(class_names=("[no]", "[yes]")))
    assert "F1 is" not in text_of(report.conclude, named, summary)
    summary |= {"scores": {"network": {"f1": 0.5}}}
    assert "\nF1 is that of [yes].\n" in text_of(report.conclude, named, summary)


def test_the_conclusion_repeats_a_leak_and_says_that_the_loss_rose(job):
    summary = report.summarize(job, finished(job), (finished(job).state.params, 2), {})
    lines = [{"test_loss": 0.5}, {"test_loss": 0.75}]
    text = text_of(report.conclude, job._replace(findings=("LEAK? [a]",)), summary, lines)
    place = text.index("sha256")
    assert text.index("LEAK? [a]\nthe test loss was lowest after epoch 1 of 2, 0.5") < place


def test_a_backend_that_matplotlib_does_not_know_is_one_line(monkeypatch):
    import matplotlib  # noqa: F401  a bad first import of it would be for good

    report.check_pictures()
    monkeypatch.setenv("MPLBACKEND", "bogus")
    with pytest.raises(ValueError, match="^MPLBACKEND needs to be known to matplotlib: .*'bogus'"):
        report.check_pictures()


def test_pictures_of_pixels_are_drawn_for_pictures_alone(job):
    progress = finished(job)
    report.draw(job, progress, progress.state.params)
    names = {path.name for path in (job.path / "plots").iterdir()}
    assert names == {"learning_curves.png", "confusion_matrix.png"}
    report.draw(job._replace(data=job.data._replace(image_shape=(2, 2))), progress, progress[0][0])
    more = {path.name for path in (job.path / "plots").iterdir()} - names
    assert more == {"wrong_examples.png", "first_layer.png"}
