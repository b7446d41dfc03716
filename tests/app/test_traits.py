import pytest
from noisy_models import NOISY

import jaxmlp
from experiments.app.traits import traits, with_what


@pytest.mark.parametrize(
    ("given", "words", "what"),
    [
        ({}, {}, ""),
        ({"dropout": 0.0}, {}, ""),
        ({"norm": "layer"}, {"norm": "layer norm"}, ""),
        ({"norm": "batch"}, {"norm": "batch norm"}, "each batch's statistics"),
        ({"dropout": 0.25}, {"dropout": "dropout 0.25"}, "dropout"),
        ({"input_dropout": 0.2}, {"input_dropout": "input dropout 0.2"}, "dropout"),
        ({"input_noise": 0.1}, {"input_noise": "input noise 0.1"}, "noise"),
        ({"noise": 0.2}, {"noise": "noise 0.2"}, "noise"),
        ({"ladder": 30.0}, {"ladder": "ladder 30"}, ""),
        (
            {"dropout": 0.5, "input_dropout": 0.2, "input_noise": 1.5},
            {
                "dropout": "dropout 0.5",
                "input_dropout": "input dropout 0.2",
                "input_noise": "input noise 1.5",
            },
            "dropout and noise",
        ),
    ],
)
def test_a_network_is_said_to_be_what_it_is(given, words, what):
    model = jaxmlp.mlp((4, 8, 3), **given)
    assert traits(model) == words
    assert with_what(model) == what
    rounded = jaxmlp.with_precision(model, "bfloat16")
    assert traits(rounded) == {**words, "precision": "products in bfloat16"}
    assert with_what(rounded) == what


def test_nothing_is_said_of_a_network_without_a_description():
    assert traits(NOISY) == {}
    assert with_what(NOISY) == ""
