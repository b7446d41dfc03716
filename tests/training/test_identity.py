import functools

import jax
import numpy as np
import optax
import pytest
from row_readers import Rows

import jaxmlp
from jaxmlp import Dataset, Recipe
from jaxmlp.training.checks import check
from jaxmlp.training.identity import data_digest, differences, identity_of, recipe_record

RECIPE = Recipe(
    jaxmlp.mlp((4, 8, 3), kernel_init=jaxmlp.initializers.gaussian(0.5)),
    jaxmlp.classification(3),
    functools.partial(optax.sgd, momentum=0.5),
    {"learning_rate": 0.1, "nesterov": True},
    batch_size=16,
    num_epochs=3,
    schedule=jaxmlp.schedules.cosine,
)
DATA = Dataset(np.zeros((4, 4), np.float32), np.zeros(4, np.int32))


def test_a_recipe_is_told_by_the_names_of_its_pieces_and_its_numbers():
    record = recipe_record(RECIPE)
    assert len(record.pop("code")) == 16
    assert record == {
        "model": {
            **{"sizes": (4, 8, 3), "activation": "relu", "bias_init": "zeros"},
            "kernel_init": {"gaussian": {"stddev": 0.5}},
            **dict.fromkeys(("dropout", "input_dropout", "input_noise", "norm")),
            **dict.fromkeys(("norm_momentum", "norm_epsilon")),
        },
        "task": "Task(softmax_cross_entropy, accuracy)",
        "optimizer": "sgd(momentum=0.5)",
        "schedule": "cosine",
        "eval_params": None,
        "hyperparameters": {"learning_rate": 0.1, "nesterov": "True"},
        "batch_size": 16,
        "num_epochs": 3,
    }


def test_functions_of_ones_own_go_by_their_names():
    def own(x):
        return jax.numpy.sin(x)

    record = recipe_record(RECIPE._replace(model=jaxmlp.mlp((4, 3), own)))
    assert record["model"]["activation"] == "own"
    model = jaxmlp.Model(print, own)
    assert recipe_record(RECIPE._replace(model=model))["model"] == "Model(init=print, apply=own)"


@pytest.mark.parametrize("half", ["train_inputs", "train_labels", "test_inputs", "test_labels"])
def test_every_number_of_the_data_counts(half):
    data = DATA._replace(test_inputs=DATA.train_inputs[:2], test_labels=DATA.train_labels[:2])
    array = getattr(data, half).copy()
    array[-1] = 1
    seeds = {"seed": 0}
    identities = [
        identity_of(RECIPE, each, seeds) for each in (data, data._replace(**{half: array}))
    ]
    assert differences(*identities).startswith("data: expected ")
    assert differences(identities[0], identity_of(RECIPE, data._replace(name="a"), seeds)) == ""


def test_of_a_set_in_windows_some_rows_may_do():
    inputs = np.arange(100, dtype=np.float32)[:, None]
    given = RECIPE._replace(model=jaxmlp.mlp((1, 3)))
    digests = []
    for changed in (None, 0, 99, 50):  # of three rows: the first, the 49th and the last
        rows = inputs.copy()
        rows[changed] = -1 if changed is not None else rows[changed]
        _, data = check(given, Dataset(Rows(rows), np.zeros(100, np.int32)), window=100)
        digests.append([data_digest(data, 3), data_digest(data)])
        assert data_digest(data) == data_digest(data, 100)
    some, every = zip(*digests, strict=True)
    assert (len(set(some)), len(set(every))) == (3, 4)
    assert some[0] == some[3]


def test_what_differs_is_one_line_however_much_it_is():
    text = differences({str(i): i for i in range(100)}, {})
    assert text.startswith("0: expected 0, got nothing; 1: expected 1, got nothing; ")
    assert len(text) <= 300
    assert text.endswith(" ...")


def test_what_the_names_do_not_tell_is_told_by_the_code():
    weighted = [
        RECIPE._replace(task=jaxmlp.classification(3, class_weights=[1, 2, last]))
        for last in (3, 300)
    ]
    own = [
        RECIPE._replace(model=jaxmlp.Model(print, lambda params, x, scale=scale: scale * x))
        for scale in (1.0, 2.0)
    ]
    for first, second in (weighted, own):
        assert recipe_record(first) == recipe_record(first)
        assert recipe_record(first)["code"] != recipe_record(second)["code"]
