import base64
import json

import numpy as np
import page_scripts
import pytest
from page_scripts import needs_node
from report_subjects import subject

import jaxmlp
from experiments.report import network, trial


def numbers(text, dtype):
    return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<"))


def test_a_run_of_pictures_is_drawn_for(tmp_path):
    made = trial.of(subject(tmp_path))
    assert made["kind"] == "classification"
    assert made["names"] == ["0", "1", "2"]
    assert made["span"] is None
    assert [each["name"] for each in made["networks"]] == ["seed=0"]
    assert made["networks"][0]["network"]["sizes"] == [6, 5, 3]
    assert made["networks"][0]["network"]["link"] == "softmax"
    assert (made["input"]["kind"], made["input"]["shape"]) == ("image", [2, 3])
    assert made["input"]["draws"]
    assert made["notes"] == [
        "The network's weights are in this page as float16 instead of float32: that changes 0 of 8 "
        "answers on the test set, and no probability by more than "
        f"{network.harm(*parts(tmp_path), 'float16').difference:.2g}."
    ]


def parts(path):
    made = subject(path)
    return made.job.recipe, made.params, made.job.data.test_inputs


@pytest.mark.parametrize("change", [{"name": "fashion_mnist"}, {"image_shape": (1, 2, 3)}])
def test_clothes_and_colours_are_chosen_and_not_drawn(tmp_path, change):
    made = trial.of(subject(tmp_path, **change))
    assert (made["input"]["kind"], made["input"]["draws"]) == ("image", False)


def test_examples_are_of_the_test_set_the_classes_by_turns(tmp_path):
    made = subject(tmp_path)  # labels 2, 0, 1, 2, 0, 1, 2, 0
    found = trial.examples_of(made, 5)
    assert [each["label"] for each in found] == ["0", "1", "2", "0", "1"]
    for each, row in zip(found, [1, 2, 0, 4, 5], strict=True):
        assert each["dtype"] == "uint8"
        np.testing.assert_array_equal(
            numbers(each["values"], "uint8"), made.job.data.test_inputs[row]
        )


def test_examples_of_values_and_of_several_answers_have_them_as_labels(tmp_path):
    labels = np.float32([[1.5, 2], [3, 4.25], [0.125, 1e6]] * 3)[:8]
    made = subject(tmp_path, "regression", train_labels=labels, test_labels=labels)
    assert [e["label"] for e in trial.examples_of(made, 3)] == [
        "1.5, 2",
        "3, 4.25",
        "0.125, 1000000",
    ]
    made = subject(tmp_path, "multilabel", class_names=("cat", "dog"))
    assert [e["label"] for e in trial.examples_of(made, 3)] == ["cat, dog", "dog", "cat"]


@pytest.mark.parametrize(
    ("task", "class_names", "names"),
    [
        ("classification", ("a", "b", "<c>"), ["a", "b", "<c>"]),
        ("binary", (), ["no", "yes"]),
        ("binary", ("well", "ill"), ["well", "ill"]),
        ("multilabel", ("cat", "dog"), ["cat", "dog"]),
        ("multilabel", (), ["0", "1"]),
        ("regression", (), ["value"]),
    ],
)
def test_answers_have_names(tmp_path, task, class_names, names):
    assert trial.names_of(subject(tmp_path, task, class_names=class_names)) == names


def test_values_have_the_names_of_their_columns_and_their_span(tmp_path):
    made = subject(tmp_path, "regression")
    config = {**made.job.config, "table": {"target": ["price"]}}
    made = made._replace(job=made.job._replace(config=config))
    assert trial.names_of(made) == ["price"]
    assert trial.span_of(made) == [[0.0, 7.0]]


def test_likeness_has_the_classes_means_and_the_distance_of_one_in_a_hundred(tmp_path):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (300, 6)).astype(np.uint8)
    labels = np.arange(300, dtype=np.int32) % 3
    made = subject(tmp_path, train_inputs=pixels, train_labels=labels)
    found = trial.likeness_of(made)
    means = np.stack([numbers(mean, "uint8") for mean in found["means"]])
    expected = np.stack([pixels[labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(means, expected, atol=0.51)
    away = np.linalg.norm(pixels[:, None] / 255 - expected / 255, axis=2).min(axis=1)
    assert (away > found["limit"]).mean() == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize("task", ["binary", "multilabel", "regression"])
def test_other_tasks_have_no_classes_to_be_far_from(tmp_path, task):
    assert trial.likeness_of(subject(tmp_path, task)) is None


def test_pictures_beyond_0_to_1_have_no_likeness(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    assert trial.likeness_of(subject(tmp_path, train_inputs=inputs)) is None


def test_rows_are_asked_about_by_a_form_from_their_ranges(tmp_path):
    inputs = np.float32([[1, 10], [2, 20], [4, 90]])
    (first, second) = trial.form_of(inputs)["columns"]
    assert (first["name"], first["low"], first["fill"], first["high"]) == ("input 0", 1, 2, 4)
    assert (second["name"], second["low"], second["fill"], second["high"]) == (
        "input 1",
        10,
        20,
        90,
    )
    made = trial.input_of(subject(tmp_path, image_shape=None))
    assert made["kind"] == "form"
    assert [column["name"] for column in made["preparations"][0]["columns"]][-1] == "input 5"


def test_wide_rows_are_chosen_from_the_test_set(tmp_path):
    wide = np.zeros((8, 61), np.float32)
    made = subject(tmp_path, image_shape=None, train_inputs=wide, test_inputs=wide)
    assert trial.input_of(made).keys() == {"kind", "examples"}
    assert trial.input_of(made)["kind"] == "row"


def test_a_table_is_asked_about_by_its_columns(tmp_path):
    column = {"name": "town", "kind": "category", "categories": ["Ulm"]}
    column |= {"has_missing": False, "has_other": False}
    target = {"names": ["price"], "task": "classification", "class_names": []}
    prepared = {"version": 1, "target": target, "columns": [column], "ignored": []}
    (tmp_path / "preparation.json").write_text(json.dumps([prepared]))
    made = trial.input_of(subject(tmp_path, image_shape=None))
    assert (made["kind"], made["preparations"]) == ("form", [prepared])


def test_a_network_that_diverged_or_is_too_large_is_not_in_the_page(tmp_path, monkeypatch):
    made = subject(tmp_path)
    bad = tuple(layer._replace(bias=layer.bias * np.nan) for layer in made.params)
    assert trial.of(made._replace(params=bad)) is None
    monkeypatch.setattr(network, "DTYPES", dict.fromkeys(network.DTYPES, 10**9))
    assert trial.of(made) is None


@pytest.mark.parametrize(
    ("dtype", "kind", "words"),
    [
        ("float32", "classification", "in this page exactly"),
        ("int8", "classification", "as int8 instead of float32: that changes 3 of 1,000 answers"),
        ("float16", "regression", "no answer by more than 0.012 of the values' standard deviation"),
    ],
)
def test_what_the_weights_lost_is_said(dtype, kind, words):
    assert words in trial.notes_on(dtype, network.Harm(0.0123, 3, 1000), kind)


@needs_node
@pytest.mark.parametrize("task", ["classification", "binary", "multilabel", "regression"])
def test_the_page_answers_its_examples_as_the_library_does(tmp_path, task):
    made = subject(tmp_path, task)
    found = trial.of(made)
    body = """
      const net = Network.decode(given.networks[0].network);
      const values = (each) => Network.numbers(each.values, each.dtype).map((x) => x / 255);
      return given.input.examples.map((each) => [...Network.predict(net, values(each))]);
    """
    got = page_scripts.run("network.js", body, found)
    examples = [numbers(each["values"], "uint8") for each in found["input"]["examples"]]
    params = network.rounded(made.params, "float16")
    expected = jaxmlp.predict(made.job.recipe, params, np.stack(examples))
    np.testing.assert_allclose(got, expected, atol=2e-6)


@needs_node
def test_rows_are_prepared_as_the_networks_fold_is():
    body = """
      const viewsOf = Trial.viewsOfRow(given.each, { a: 4 });
      return given.folds.map((fold) => [...viewsOf({ fold })[0]]);
    """
    (column,) = trial.form_of(np.float32([[1], [9]]))["columns"]
    each = [{"columns": [{**column, "name": "a", "mean": mean}]} for mean in (1.0, 3.0)]
    given = {"each": each, "folds": [0, 1, None]}
    assert page_scripts.run("trial.js", body, given) == [[3], [1], [3]]
    given["each"] = each[:1]  # of columns without names: the same for all
    assert page_scripts.run("trial.js", body, given) == [[3], [3], [3]]


@needs_node
def test_rows_of_a_fold_s_test_are_for_its_own_networks():
    body = (
        "return [1, undefined].map((fold) => Trial.untrained(given, fold).map(({ name }) => name));"
    )
    networks = [{"name": name, "fold": fold} for name, fold in (("a", 0), ("b", 1), ("c", 1))]
    assert page_scripts.run("trial.js", body, networks) == [["b", "c"], ["a", "b", "c"]]


def with_white(made, white):
    return made._replace(job=made.job._replace(config={**made.job.config, "white": white}))


def test_pictures_of_other_pixels_are_drawn_by_their_white(tmp_path):
    made = subject(tmp_path)
    assert trial.input_of(made)["white"] == 1
    expected = trial.likeness_of(made)
    floats = made.job.data.train_inputs.astype(np.float32)
    made = with_white(subject(tmp_path, train_inputs=floats), 255.0)
    found = trial.input_of(made)
    assert (found["white"], found["draws"]) == (255, True)
    assert found["likeness"]["means"] == expected["means"]
    assert found["likeness"]["limit"] == pytest.approx(expected["limit"])
    found = trial.input_of(with_white(made, None))
    assert (found["white"], found["draws"], found["likeness"]) == (None, False, None)
