"""A recipe: all that decides a result, but for the data and the seed."""

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp.naming import kind_of, metric_names, name_of
from jaxmlp.objectives.tasks import Task
from jaxmlp.optim.averages import EvalParams
from jaxmlp.randomness import as_seed
from jaxmlp.runtime.recompilation import canonical, warn_of_lookalikes
from jaxmlp.training.examples import as_array, as_inputs, as_labels
from jaxmlp.training.limits import refuse_too_large
from jaxmlp.types import Array, Dataset, Model, PyTree, TrainState

__all__ = [
    "Recipe",
    "build_optimizer",
    "canonical_recipe",
    "check",
    "check_examples",
    "check_inputs",
    "descend",
    "init_params",
    "split",
]


SCALES = ("init_scale", "bias_scale")  # hyperparameters of the initial kernels and biases


class Recipe(NamedTuple):
    """All that decides a result, but for the data and the seed.

    A program is compiled for each recipe that differs in more than the numbers among its
    hyperparameters: for another model, task, batch size or, where there is a schedule, number of
    epochs; and for another function, which one that is made anew is, though it does the same. Equal
    partials of one function are one, and so are networks and tasks that this library made alike.

    >>> import jaxmlp
    >>> Recipe(jaxmlp.mlp((4, 3)), jaxmlp.regression(3), optax.adam, {"learning_rate": 0.1})
    Recipe(Model(4-3), Task(squared_error, absolute_error), adam(learning_rate=0.1),
           batch_size=256, num_epochs=10)
    """

    model: Model
    task: Task
    optimizer: Callable[..., optax.GradientTransformation]  # of the hyperparameters
    # By name, or as pairs of a name and a value. Numbers are traced, so that a new value compiles
    # nothing; but whole ones only where the default is no whole number. All are the optimizer's but
    # those that the schedule takes by keyword, and init_scale and bias_scale, which multiply the
    # initial kernels and biases.
    hyperparameters: Mapping[str, Any] | tuple[tuple[str, Any], ...]
    batch_size: int = 256
    num_epochs: int = 10
    schedule: Callable[..., optax.Schedule] | None = None  # of learning_rate, num_steps
    # What to evaluate with and to return as a run's parameters, made from its state: averages, or
    # lambda state: optax.contrib.schedule_free_eval_params(state.opt_state, state.params)
    eval_params: EvalParams | None = None

    def __repr__(self) -> str:
        """The pieces by their names."""
        values = [f"{name}={value!r}" for name, value in dict(self.hyperparameters).items()]
        functions = {name: getattr(self, name) for name in ("schedule", "eval_params")}
        rest = [f"{name}={name_of(f)}" for name, f in functions.items() if f is not None]
        optimizer = f"{name_of(self.optimizer)}({', '.join(values)})"
        rest = [f"batch_size={self.batch_size}", f"num_epochs={self.num_epochs}", *rest]
        pieces = f"{self.model!r}, {self.task!r}, {optimizer}"
        return f"Recipe({pieces},\n       {', '.join(rest)})"


def split(recipe: Recipe) -> tuple[Recipe, dict[str, jax.Array]]:
    """The part of a recipe that makes the program, and the numbers that go into it.

    Returns:
      A hashable recipe, with the hyperparameters that are no numbers as a tuple of pairs; and the
      numbers, name -> () float32: floats, and whole numbers in the place of one.

    >>> split(Recipe(None, None, None, {"learning_rate": 0.5, "nesterov": True}))[0].hyperparameters
    (('nesterov', True),)
    """
    numbers, rest = {}, []
    for name, value in dict(recipe.hyperparameters).items():
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if isinstance(value, float | np.floating | np.ndarray | jax.Array) or (
            is_whole and _stands_for_a_float(recipe, name)
        ):
            numbers[name] = jnp.asarray(value, jnp.float32)
        else:
            rest.append((name, value))
    # How long a run is matters to a schedule alone; another length need not compile anew.
    num_epochs = recipe.num_epochs if recipe.schedule else 1
    return recipe._replace(hyperparameters=tuple(rest), num_epochs=num_epochs), numbers


def build_optimizer(
    recipe: Recipe, numbers: Mapping[str, jax.Array], num_steps: int
) -> tuple[optax.GradientTransformation, optax.Schedule | None]:
    """The optimizer of a run, and its learning rate as a function of the step.

    Args:
      recipe: the first result of `split`.
      numbers: the second.
      num_steps: the whole run's.

    Returns:
      The optimizer; and the schedule, None where there is no hyperparameter `learning_rate`.
    """
    hyperparameters = {**dict(recipe.hyperparameters), **numbers}
    for name in SCALES:
        hyperparameters.pop(name, None)
    rate = hyperparameters.get("learning_rate")
    if rate is None:
        return recipe.optimizer(**hyperparameters), None
    if recipe.schedule is None:
        schedule = rate if callable(rate) else optax.constant_schedule(rate)
        return recipe.optimizer(**hyperparameters), schedule
    names = inspect.signature(recipe.schedule).parameters
    by_keyword = [name for name, p in names.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    own = {name: hyperparameters.pop(name) for name in by_keyword if name in hyperparameters}
    schedule = recipe.schedule(rate, num_steps, **own)
    return recipe.optimizer(**{**hyperparameters, "learning_rate": schedule}), schedule


def init_params(recipe: Recipe, numbers: Mapping[str, jax.Array], key: jax.Array) -> PyTree:
    """The parameters before training: the model's, times `init_scale` and `bias_scale`.

    Args:
      recipe: the first result of `split`.
      numbers: the second.
      key: the run's for initialization.
    """
    params = recipe.model.init(key)
    scales = {**dict(recipe.hyperparameters), **numbers}

    def scaled(leaf: jax.Array) -> jax.Array:
        scale = scales.get("init_scale" if leaf.ndim > 1 else "bias_scale")
        return leaf if scale is None else leaf * scale

    return jax.tree.map(scaled, params)


def descend(
    optimizer: optax.GradientTransformation,
    gradient: PyTree,
    opt_state: PyTree,
    params: PyTree,
    value: jax.Array,
    value_fn: Callable[[PyTree], jax.Array],
) -> tuple[PyTree, PyTree]:
    """One step of an optimizer, which is told what it asks for.

    Args:
      optimizer: from optax.
      gradient: of the loss.
      opt_state: before the step.
      params: before the step.
      value: the loss.
      value_fn: params -> the loss, for those that search along a line.

    Returns:
      The parameters and the optimizer's state after the step.
    """
    known: dict[str, Any] = {"value": value, "grad": gradient, "value_fn": value_fn}
    asked = inspect.signature(optimizer.update).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in asked.values()):
        known |= {"grad_fn": lambda params, _: jax.grad(value_fn)(params)}
        known = {name: known[name] for name in known.keys() & asked.keys()}
    update: Any = optimizer.update
    updates, opt_state = update(gradient, opt_state, params, **known)
    return optax.apply_updates(params, updates), opt_state


def check(recipe: Recipe, data: Dataset, *seeds: int) -> tuple[Recipe, Dataset]:
    """Sees whether a recipe and data fit each other, without computing anything.

    Args:
      recipe: to be trained.
      data: to be trained on; see `Dataset` for what it may hold.
      seeds: the run's.

    Returns:
      Both as training takes them: equal partials as one, and examples as `check_examples` has them.

    Raises:
      ValueError: in one line, with what was expected and what came.
    """
    if not isinstance(data, Dataset):
        raise ValueError(
            f"data needs to be a Dataset(train_inputs, train_labels, ...), got {kind_of(data)}"
        )
    refuse_traced(jnp.zeros(()), *data, *seeds)
    if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        raise ValueError("training needs compiled loops, got jax_disable_jit: leave that context")
    recipe = canonical_recipe(recipe)
    refuse_traced(*dict(recipe.hyperparameters).values())
    for seed in seeds:
        as_seed(seed)
    state = _check_optimizer(recipe)
    if data.train_inputs is None or data.train_labels is None:
        raise ValueError("training needs train_inputs and train_labels, got none")
    for name in ("test", "validation"):
        halves = [getattr(data, f"{name}_{half}") is None for half in ("inputs", "labels")]
        if any(halves) and not all(halves):
            raise ValueError(f"a {name} set needs inputs and labels, got one without the other")
    for name, examples in data.sets().items():
        try:
            inputs, labels = check_examples(recipe, *examples)
        except ValueError as error:
            raise ValueError(f"{name} set: {error}") from error
        taken: dict[str, Any] = {f"{name}_inputs": inputs, f"{name}_labels": labels}
        data = data._replace(**taken)
    if recipe.batch_size > len(data.train_inputs):
        raise ValueError(
            f"batch_size needs to be at most the {len(data.train_inputs)} training examples, "
            f"got {recipe.batch_size}"
        )
    refuse_too_large(*state, data, recipe.batch_size, recipe.num_epochs)
    return recipe, data


def refuse_traced(*values: Any) -> None:
    """Raises ValueError if one is an array of a function that JAX is tracing."""
    if any(isinstance(value, jax.core.Tracer) for value in values):
        raise ValueError(
            "training needs arrays, got traced values: it compiles by itself, so call it outside "
            "of jit, vmap and grad; train_many trains many networks at once"
        )


def check_examples(recipe: Recipe, inputs: Any, labels: Any) -> tuple[Array, Array]:
    """Sees whether inputs and labels suit a recipe's model and task; raises as `check` does.

    Returns:
      Both as arrays of the dtypes that `Dataset` names; what is one stays as it is.
    """
    inputs, labels = as_array("inputs", inputs), as_labels(labels)
    if len(inputs) == 0 or len(inputs) != len(labels):
        raise ValueError(
            "inputs and labels need the same length, at least 1, "
            f"got {len(inputs)} inputs and {len(labels)} labels"
        )
    as_the_task_has_them = recipe.task.check_labels(labels)
    labels = labels if as_the_task_has_them is None else as_the_task_has_them
    inputs, outputs = _through_the_model(recipe, inputs)
    if outputs.shape != (recipe.task.num_outputs,):
        raise ValueError(
            f"the task needs {recipe.task.num_outputs} outputs, the model returns {outputs.shape}"
        )
    label = jax.ShapeDtypeStruct(labels.shape[1:], jax.dtypes.canonicalize_dtype(labels.dtype))
    names = ["loss", *metric_names(recipe.task.metrics)]
    for name, function in zip(names, (recipe.task.loss, *recipe.task.metrics), strict=True):
        try:
            value = jax.eval_shape(function, outputs, label)
        except Exception as error:
            raise ValueError(
                f"{name} cannot take labels {label.dtype} {label.shape}: {_line(error)}"
            ) from error
        if getattr(value, "shape", None) != ():
            got = getattr(value, "shape", kind_of(value))
            raise ValueError(f"{name} needs to return one number for an example, got {got}")
    return inputs, labels


def check_inputs(recipe: Recipe, inputs: Any) -> Array:
    """The same for inputs alone."""
    return _through_the_model(recipe, as_array("inputs", inputs))[0]


def _through_the_model(recipe: Recipe, inputs: Array) -> tuple[Array, Any]:
    """Inputs as the model takes them, and the shape of its outputs for one of them."""
    params = jax.eval_shape(recipe.model.init, jax.random.key(0))

    def outputs_of(shape: tuple[int, ...], dtype: Any) -> Any:
        return jax.eval_shape(recipe.model.apply, params, jax.ShapeDtypeStruct(shape, dtype))

    def is_taken(shape: tuple[int, ...], dtype: Any) -> bool:
        try:
            outputs_of(shape, dtype)
        except Exception:
            return False
        return True

    whole = jax.dtypes.canonicalize_dtype(inputs.dtype)
    if jnp.issubdtype(whole, np.integer) and inputs.dtype != np.uint8:
        shape = inputs.shape[1:]
        if is_taken(shape, whole) and not is_taken(shape, jnp.float32):  # an embedding
            return inputs, outputs_of(shape, whole)
    inputs = as_inputs(inputs)
    dtype = jnp.float32 if inputs.dtype == np.uint8 else inputs.dtype
    try:
        return inputs, outputs_of(inputs.shape[1:], dtype)
    except Exception as error:
        if is_taken(inputs.shape, dtype):
            raise ValueError(
                f"inputs need to be (num_examples, ...), got one example {inputs.shape}: "
                "inputs[None] is a batch of it"
            ) from error
        what = f"{inputs.dtype} examples {inputs.shape[1:]}"
        raise ValueError(f"the model cannot take {what}: {_line(error)}") from error


def canonical_recipe(recipe: Recipe) -> Recipe:
    """A recipe with equal partials as one; raises ValueError if a piece is not what it should be.

    Recipes that are alike are then equal, as far as can be told, and compiled once. Where they
    cannot be told alike, a `RecompilationWarning` says so.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe needs to be a Recipe, got {kind_of(recipe)}")
    _check_whole("num_epochs", recipe.num_epochs)
    _check_whole("batch_size", recipe.batch_size)
    for name, kind, such_as in (
        ("model", Model, "mlp((784, 256, 10)) or from_flax(module, example)"),
        ("task", Task, "classification(10)"),
    ):
        if not isinstance(piece := getattr(recipe, name), kind):
            raise ValueError(
                f"{name} needs to be a {kind.__name__}, such as {such_as}, got {kind_of(piece)}"
            )
    _check_functions(recipe)
    hyperparameters = _checked_hyperparameters(recipe.hyperparameters)
    recipe = recipe._replace(
        model=recipe.model._replace(**_canonical(recipe.model)),
        task=recipe.task._replace(
            **_canonical(recipe.task), metrics=tuple(map(canonical, recipe.task.metrics))
        ),
        hyperparameters={name: canonical(value) for name, value in hyperparameters.items()},
    )
    recipe = recipe._replace(**_canonical(recipe))
    for name in ("optimizer", "schedule"):
        warn_of_lookalikes(name, getattr(recipe, name))
    warn_of_lookalikes("model", recipe.model.apply)
    for function in (recipe.task.loss, *recipe.task.metrics):
        warn_of_lookalikes("loss or metric", function)
    return recipe


def _canonical(piece: Any) -> dict[str, Any]:
    """The functions of a tuple with names, by these."""
    return {name: canonical(value) for name, value in piece._asdict().items() if callable(value)}


def _check_functions(recipe: Recipe) -> None:
    for name, function, such_as in (
        ("optimizer", recipe.optimizer, "optax.adam, of its hyperparameters"),
        ("schedule", recipe.schedule, "schedules.cosine, of learning_rate and num_steps"),
        ("eval_params", recipe.eval_params, "lambda state: state.params"),
        ("loss", recipe.task.loss, "losses.softmax_cross_entropy"),
    ):
        if isinstance(function, optax.GradientTransformation):
            raise ValueError(
                f"{name} needs to be a function such as optax.adam, got what it returns: write "
                'optimizer=optax.adam, hyperparameters={"learning_rate": 1e-3}'
            )
        if not callable(function) and not (
            name in ("schedule", "eval_params") and function is None
        ):
            raise ValueError(
                f"{name} needs to be a function such as {such_as}, got {kind_of(function)}"
            )
    if not isinstance(recipe.task.metrics, tuple):
        raise ValueError(f"metrics need to be a tuple, got {kind_of(recipe.task.metrics)}")
    metric_names(recipe.task.metrics)


def _checked_hyperparameters(given: Any) -> dict[str, Any]:
    try:
        made = dict(given)
    except (TypeError, ValueError):
        made = {None: None}
    if not all(isinstance(name, str) for name in made):
        raise ValueError(
            f'hyperparameters need to be by name, such as {{"learning_rate": 1e-3}}, got '
            f"{kind_of(given)}"
        )
    for name, value in made.items():
        if isinstance(value, np.ndarray | jax.Array) and np.ndim(value):
            raise ValueError(f"{name} needs to be a number, got {kind_of(value)}")
        if isinstance(value, str) or (isinstance(value, float) and math.isnan(value)):
            raise ValueError(f"{name} needs to be a number, got {value!r}")
    rate = made.get("learning_rate", 1.0)
    if rate is None or (isinstance(rate, float) and math.isinf(rate)):
        raise ValueError(f"learning_rate needs to be finite, got {rate}")
    return made


def _check_optimizer(recipe: Recipe) -> tuple[PyTree, PyTree]:
    """Sees whether an optimizer takes its hyperparameters, and a step.

    Returns:
      The shapes of the parameters, and of the optimizer's state.
    """
    if recipe.schedule is not None and "learning_rate" not in dict(recipe.hyperparameters):
        names = sorted(dict(recipe.hyperparameters))
        raise ValueError(f"a schedule needs the hyperparameter learning_rate, got {names}")
    static, numbers = split(recipe)
    try:
        hash(static)
    except TypeError as error:
        raise ValueError(f"a recipe needs pieces that can be told apart, got {error}") from error
    try:
        build_optimizer(static, numbers, num_steps=1)
    except Exception as error:
        raise ValueError(
            f"hyperparameters need to be the optimizer's, got {_line(error)}"
        ) from error
    return _try_a_step(static, tuple(numbers))


@functools.lru_cache(maxsize=256)
def _try_a_step(static: Recipe, names: tuple[str, ...]) -> tuple[PyTree, PyTree]:
    """Sees whether a step leaves parameters and state as they are, but for their values.

    Returns:
      The shapes of both.
    """

    def states(numbers: Mapping[str, jax.Array]) -> tuple[Any, Any]:
        optimizer, _ = build_optimizer(static, numbers, num_steps=1)
        params = init_params(static, numbers, jax.random.key(0))
        before = params, optimizer.init(params)
        loss = functools.partial(jax.tree.reduce, lambda total, leaf: total + leaf.sum())

        def value_fn(params: PyTree) -> jax.Array:
            return jnp.float32(loss(params, jnp.float32(0)))

        value, gradient = jax.value_and_grad(value_fn)(params)
        return before, descend(optimizer, gradient, before[1], params, value, value_fn)

    try:
        numbers = dict.fromkeys(names, jax.ShapeDtypeStruct((), jnp.float32))
        before, after = jax.eval_shape(states, numbers)
    except AttributeError as error:
        if "has no attribute 'fast'" not in str(error):
            raise ValueError(
                f"{name_of(static.optimizer)} cannot take a step of this model: {_line(error)}"
            ) from error
        raise ValueError(
            "optax.lookahead takes pairs of parameters, fast and slow, which no model here has: "
            "use the optimizer inside it, and Recipe.eval_params for an average"
        ) from error
    except Exception as error:
        name = name_of(static.optimizer)
        raise ValueError(f"{name} cannot take a step of this model: {_line(error)}") from error
    if jax.tree.map(_shape, before) != jax.tree.map(_shape, after):
        raise ValueError(
            f"{name_of(static.optimizer)} needs a step to leave the shapes of parameters and state "
            "as they are, got others"
        )
    if static.eval_params is not None:
        params, opt_state = after
        step: Any = jax.ShapeDtypeStruct((), jnp.int32)
        state = TrainState(params, opt_state, step)
        try:
            params = jax.eval_shape(static.eval_params, state)
        except Exception as error:
            raise ValueError(f"eval_params cannot take the state: {_line(error)}") from error
        if jax.tree.map(_shape, params) != jax.tree.map(_shape, state.params):
            raise ValueError("eval_params needs to return parameters of the model, got others")
    shapes: tuple[PyTree, PyTree] = before
    return shapes


def _shape(leaf: Any) -> tuple[Any, ...]:
    return leaf.shape, leaf.dtype


def _stands_for_a_float(recipe: Recipe, name: str) -> bool:
    """Whether a whole number is one by chance: where the default is a float."""
    if name in ("learning_rate", *SCALES):
        return True
    for function in filter(callable, (recipe.optimizer, recipe.schedule)):
        with contextlib.suppress(KeyError, TypeError, ValueError):  # it has no such argument
            if isinstance(inspect.signature(function).parameters[name].default, float):
                return True
    return False


def _line(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _check_whole(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} needs to be a whole number of at least 1, got {kind_of(value)}")
