import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.interop.passes import (
    Imported,
    Passes,
    as_variables,
    check_call,
    flags_of,
    masked,
    model_of,
)
from jaxmlp.types import Context, Variables

IMPORTED = Imported("a name", lambda params: params, lambda training: training)
MASK = jnp.array([True, True, False])


def evaluate(variables, inputs):
    return inputs @ variables.trained["kernel"]


def train(variables, inputs, context):
    """The outputs without the examples that do not count, and how many those are."""
    running = {"count": variables.running["count"] + context.mask.sum()}
    return evaluate(variables, inputs) * context.mask[:, None], running


def passes(**changes):
    start = Variables({"kernel": jnp.ones((4, 2))}, {"count": jnp.int32(0)})
    return Passes("source", lambda key: start, evaluate, train, True, 2)._replace(**changes)


def test_a_model_with_running_statistics_has_variables():
    model = model_of(passes(), np.zeros(4), IMPORTED)
    params = model.init(jax.random.key(0))
    assert isinstance(params, Variables)
    assert model.apply(params, jnp.ones(4)).tolist() == [4.0, 4.0]
    outputs, running = model.train(params, jnp.ones((3, 4)), Context(jax.random.key(0), MASK))
    assert outputs.tolist() == [[4.0, 4.0], [4.0, 4.0], [0.0, 0.0]]
    assert running == {"count": 2}
    assert (model.least_batch, model.architecture, str(model)) == (2, IMPORTED, "Model(a name)")


def test_a_model_without_has_its_parameters_alone():
    bare = passes(
        init=lambda key: Variables({"kernel": jnp.ones((4, 2))}, {}),
        train=lambda variables, inputs, context: (-evaluate(variables, inputs), {}),
        least_batch=1,
    )
    model = model_of(bare, np.zeros(4), IMPORTED)
    params = model.init(jax.random.key(0))
    assert list(params) == ["kernel"]
    outputs, running = model.train(params, jnp.ones((3, 4)), Context(jax.random.key(0), MASK))
    assert outputs.tolist() == [[-4.0, -4.0]] * 3
    assert (running, model.least_batch) == ((), 1)
    same = model_of(bare._replace(differs=False), np.zeros(4), IMPORTED)
    assert (same.train, same.least_batch) == (None, 1)
    assert same.apply(params, jnp.ones(4)).tolist() == [4.0, 4.0]


def test_what_is_running_is_kept_in_training_that_does_not_differ():
    assert model_of(passes(differs=False), np.zeros(4), IMPORTED).train is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"init": lambda key: Variables({}, {"stats": jnp.zeros(3)})},
            r"from_flax needs a module with parameters, got \['stats'\] alone",
        ),
        (
            {"init": lambda key: Variables({}, {})},
            "from_flax needs a module with parameters, got none",
        ),
        (
            {"evaluate": lambda variables, inputs: inputs.sum(0)},
            r"module needs to return \(1, \.\.\.\) for a batch of one, got .*\(4,\)",
        ),
        (
            {"evaluate": lambda variables, inputs: (inputs, inputs)},
            r"module needs to return \(1, \.\.\.\) for a batch of one, got \(Shape",
        ),
        (
            {"train": lambda variables, inputs, context: (inputs, variables.running)},
            r"module needs to return \(2, 2\) for a batch of 2 in training, got .*\(2, 4\)",
        ),
        (
            {"train": lambda *args: (train(*args)[0][:2], args[0].running)},
            r"module needs to return \(3, 2\) for a batch of 3 in training, got .*\(2, 2\)",
        ),
        (
            {"train": lambda *args: ((train(*args)[0],), args[0].running)},
            r"module needs to return \(2, 2\) for a batch of 2 in training, got \(Shape",
        ),
        (
            {"train": lambda *args: (train(*args)[0], {"count": jnp.zeros(2)})},
            "training needs to return the running statistics it got, got float32 (2,) of count "
            "for int32 ()",
        ),
        (
            {"train": lambda *args: (train(*args)[0], {})},
            "training needs to return the running statistics it got, got none of count for int32 "
            "()",
        ),
        (
            {"train": lambda *args: (train(*args)[0], {**args[0].running, "new": jnp.zeros(1)})},
            "training needs to return the running statistics it got, got float32 (1,) of new for "
            "none",
        ),
    ],
)
def test_what_is_no_network_is_refused(changes, message):
    if "statistics it got" in message:
        message = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=f"^{message}"):
        model_of(passes(**changes), np.zeros(4), IMPORTED)


def test_passes_of_equal_sources_are_equal():
    assert passes() == passes(evaluate=train)
    assert hash(passes()) == hash(passes(evaluate=train))
    assert passes() != passes(source="other")
    assert passes() != tuple(passes())
    with pytest.raises(TypeError, match="unhashable"):
        hash(passes(source=[]))


def test_a_mask_stands_before_the_other_axes():
    assert masked(MASK, None, jnp.zeros((3, 4))).tolist() == [[True], [True], [False]]
    assert masked(MASK, None, jnp.zeros((3, 4, 5))).shape == (3, 1, 1)
    given = jnp.array([[True, False], [True, True], [True, True]])
    assert masked(MASK, given, jnp.zeros((3, 2))).tolist() == [
        [True, False],
        [True, True],
        [False, False],
    ]


@pytest.mark.parametrize("shape", [(4, 3), (6, 3), (3,), ()])
def test_what_has_another_first_axis_than_the_batch_is_refused(shape):
    message = r"module needs the batch as the first axis .*, got the shape \(.*\) for a batch of 3$"
    with pytest.raises(ValueError, match=message):
        masked(MASK, None, jnp.zeros(shape))


def test_a_call_is_told_of_its_mode_in_its_own_words():
    def call(inputs, train, training, is_training, deterministic, use_running_average, mode):
        pass

    on = {"train": True, "training": True, "is_training": True}
    off = {"deterministic": False, "use_running_average": False}
    assert flags_of(call, training=True) == {**on, **off}
    assert flags_of(call, training=False) == {name: not flag for name, flag in (on | off).items()}
    assert flags_of(lambda inputs, **others: inputs, training=True) == {}


def test_a_mode_of_another_name_is_not_passed_over_in_silence():
    with pytest.warns(UserWarning, match="^is_learning stays False in training too: from_flax .*"):
        flags_of(lambda inputs, is_learning=False: inputs, training=True)


def test_a_call_that_takes_more_than_a_batch_is_refused():
    check_call(lambda inputs, train, more=None: inputs, ["train"])
    message = r"^from_flax needs a module that is called with a batch alone, got \(inputs, train\)$"
    with pytest.raises(ValueError, match=message):
        check_call(lambda inputs, train: inputs, [])


def test_parameters_have_nothing_running_but_where_they_say_so():
    assert as_variables({"kernel": 1.0}) == Variables({"kernel": 1.0}, {})
    variables = Variables((), {"mean": 0.0})
    assert as_variables(variables) is variables
