"""The members of a population: every combination of swept values and seeds, by program."""

import collections
import inspect
import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.naming import kind_of
from jaxmlp.nn.mlp import variant
from jaxmlp.objectives.records import Metric
from jaxmlp.objectives.tasks import RATES, metrics_of, rates, with_rates
from jaxmlp.randomness import Seeds, as_seed
from jaxmlp.training.canonical import canonical_recipe
from jaxmlp.training.recipe import SCALES, Recipe, build_optimizer, split

__all__ = ["FOLD", "Grid", "Program", "make_grid", "some_of"]

VARIANTS = tuple(inspect.signature(variant).parameters)[1:]  # what may be swept of an MLP
FUNCTIONS = ("activation", "kernel_init", "bias_init")  # those that are functions
LARGEST = float(np.finfo(np.float64).max)
MOST = 1_000_000  # members
SHARED = 0  # the seed of the order that members share
FOLD = "fold"  # the axis of members that have data of their own


class Program(NamedTuple):
    """Members that one compiled program trains."""

    recipe: Recipe  # of its first member, whole
    static: Recipe  # as `split` gives it: the program's
    numbers: Mapping[str, np.ndarray]  # name -> (members,) float32
    seeds: np.ndarray  # (members,) uint32
    draws: Seeds  # leaves (members,) uint32: of the order, and of the noise
    members: np.ndarray  # (members,) int32, positions in the flattened grid
    folds: np.ndarray  # (members,) int32, whose data each is trained on; 0 where there are none


class Grid(NamedTuple):
    """All members, along named axes."""

    axes: Mapping[str, tuple[Hashable, ...]]
    recipes: tuple[
        Recipe, ...
    ]  # one a setting and fold, in the order of the axes before the seeds'
    seeds: np.ndarray  # (members,) uint32
    draws: Seeds  # leaves (members,) uint32: of the order, and of the noise
    settings: np.ndarray  # (members,) int32, each member's setting, whatever its fold
    programs: tuple[Program, ...]
    points: np.ndarray  # (members,) int32, each member's recipe

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """How to read what the tasks report."""
        found = (metric for program in self.programs for metric in metrics_of(program.recipe.task))
        return tuple(dict.fromkeys(metric.reading for metric in found))

    @property
    def num_epochs(self) -> np.ndarray:
        """How long each member is to train; (members,) int32."""
        return np.array([recipe.num_epochs for recipe in self.recipes], np.int32)[self.points]


def make_grid(
    recipe: Recipe | Callable[..., Recipe],
    seeds: Iterable[int],
    sweep: Mapping[str, Iterable[Any]] | None = None,
    shuffle: str = "own",
    shuffle_seeds: Iterable[int] | None = None,
    noise_seeds: Iterable[int] | None = None,
    num_folds: int | None = None,
) -> Grid:
    """Lays out a population; see `train_many` for the arguments.

    Where there are folds, a program has members of all of them, whatever the shapes of their data.

    Raises:
      ValueError: in one line, if an axis is empty, has a value twice, or is not known.

    >>> import jaxmlp, optax
    >>> recipe = Recipe(jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3), optax.adam, {})
    >>> sweep = {"learning_rate": [0.1, 0.01], "hidden_sizes": [(8,), (16,)]}
    >>> grid = make_grid(recipe, range(3), sweep)
    >>> len(grid.seeds), len(grid.programs)
    (12, 2)
    >>> grid.settings.tolist()
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    """
    if shuffle not in ("own", "shared"):
        raise ValueError(f"shuffle needs to be own or shared, got {shuffle}")
    if shuffle == "shared" and shuffle_seeds is not None:
        raise ValueError("expected shuffle_seeds or shuffle='shared', got both")
    if not isinstance(sweep, Mapping | None):
        raise ValueError(f"sweep needs names with their values, got {kind_of(sweep)}")
    reserved = {FOLD, "seed", "shuffle_seed", "noise_seed", "epoch"} & (sweep or {}).keys()
    if reserved:
        raise ValueError(f"sweep needs other names than those of its own axes, got {reserved}")
    axes = {name: _values(f"sweep of {name}", values) for name, values in (sweep or {}).items()}
    swept, folds = list(axes), range(num_folds or 1)
    if num_folds is not None:
        axes[FOLD] = tuple(folds)
    if shuffle_seeds is not None:
        axes["shuffle_seed"] = _seeds("shuffle_seeds", shuffle_seeds)
    if noise_seeds is not None:
        axes["noise_seed"] = _seeds("noise_seeds", noise_seeds)
    axes["seed"] = _seeds("seeds", seeds)
    if (count := math.prod(map(len, axes.values()))) > MOST:
        raise ValueError(f"a population needs at most {MOST:,} members, got {count:,}")
    combinations = itertools.product(*(axes[name] for name in swept))
    settings = [dict(zip(swept, values, strict=True)) for values in combinations]
    recipes = tuple(
        made for setting in settings for made in _recipes_at(recipe, setting, num_folds)
    )

    orders = axes.get("shuffle_seed", (SHARED,) if shuffle == "shared" else (None,))
    noises = axes.get("noise_seed", (None,))
    members = list(itertools.product(range(len(recipes)), orders, noises, axes["seed"]))
    own = np.array([seed for *_, seed in members], np.uint32)
    points = np.array([point for point, *_ in members], np.int32)
    draws = Seeds(
        *(
            np.array([m[-1] if m[place] is None else m[place] for m in members], np.uint32)
            for place in (1, 2)
        )
    )
    settings_of, folds_of = np.divmod(points, np.int32(len(folds)))
    programs = _programs(recipes, own, draws, points, folds_of)
    return Grid(axes, recipes, own, draws, settings_of, programs, points)


def some_of(program: Program, keep: np.ndarray) -> Program:
    """A program with those members alone for which a mask, (members,), is True."""
    return program._replace(
        numbers={name: values[keep] for name, values in program.numbers.items()},
        seeds=program.seeds[keep],
        draws=Seeds(*(values[keep] for values in program.draws)),
        members=program.members[keep],
        folds=program.folds[keep],
    )


def _programs(
    recipes: Sequence[Recipe],
    seeds: np.ndarray,
    draws: Seeds,
    points: np.ndarray,
    folds: np.ndarray,
) -> tuple[Program, ...]:
    found: dict[tuple[Any, ...], list[int]] = {}
    numbers = []
    for point, recipe in enumerate(recipes):
        static, values = split(recipe)
        # Members of other lengths differ in nothing but when they end.
        program = static._replace(num_epochs=recipe.num_epochs), *sorted(values)
        found.setdefault(program, []).append(point)
        numbers.append({name: np.float32(value) for name, value in values.items()})
    programs = []
    for alike in found.values():
        members = np.flatnonzero(np.isin(points, alike)).astype(np.int32)
        of_member = points[members]
        programs.append(
            Program(
                recipes[alike[0]],
                split(recipes[alike[0]])[0],
                {
                    name: np.stack([numbers[p][name] for p in of_member])
                    for name in numbers[alike[0]]
                },
                seeds[members],
                Seeds(draws.shuffle[members], draws.noise[members]),
                members,
                folds[members],
            )
        )
    return tuple(programs)


def _recipes_at(
    recipe: Recipe | Callable[..., Recipe], setting: Mapping[str, Any], num_folds: int | None
) -> list[Recipe]:
    """A setting's recipe for each fold, which a function may know of."""
    if num_folds is None:
        return [_recipe_at(recipe, setting)]
    if isinstance(recipe, Recipe) or not callable(recipe) or not _takes_fold(recipe):
        return [_recipe_at(recipe, setting)] * num_folds
    return [_recipe_at(recipe, {**setting, FOLD: fold}) for fold in range(num_folds)]


def _takes_fold(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters
    kinds = [each.kind for each in parameters.values()]
    return FOLD in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def _recipe_at(recipe: Recipe | Callable[..., Recipe], setting: Mapping[str, Any]) -> Recipe:
    if not isinstance(recipe, Recipe):
        if not callable(recipe):
            raise ValueError(f"recipe needs to be a Recipe or to make one, got {kind_of(recipe)}")
        try:
            inspect.signature(recipe).bind(**setting)
        except TypeError as error:
            raise ValueError(f"sweep needs the recipe function's arguments: {error}") from error
        made = recipe(**setting)
        if not isinstance(made, Recipe):
            raise ValueError(f"the recipe function needs to return a Recipe, got {kind_of(made)}")
        return canonical_recipe(made)
    recipe = canonical_recipe(recipe)
    hyperparameters = dict(recipe.hyperparameters)
    fields: dict[str, Any] = {}
    network: dict[str, Any] = {}
    purpose: dict[str, Any] = {}
    for name, value in setting.items():
        if name == "hidden_sizes":
            network[name] = (value,) if isinstance(value, int) else value
        elif name in (*FUNCTIONS, "optimizer", "schedule"):
            if not callable(value) and (name, value) != ("schedule", None):
                raise ValueError(f"sweep of {name} needs functions, got {value!r}")
            (network if name in FUNCTIONS else fields)[name] = value
        elif name in VARIANTS:
            network[name] = value
        elif name in {**rates(recipe.task), **RATES}:
            purpose[name] = value
        elif name in Recipe._fields and name != "hyperparameters":
            fields[name] = value
        elif isinstance(value, str):
            raise ValueError(f"sweep of {name} needs numbers, got {value!r}")
        else:
            before = hyperparameters.get(name)
            is_float = isinstance(before, float) and isinstance(value, int)
            hyperparameters[name] = float(value) if is_float else value
    recipe = recipe._replace(hyperparameters=hyperparameters, **fields)
    _check_known(recipe, setting)
    if network:
        recipe = recipe._replace(model=variant(recipe.model, **network))
    if purpose:
        recipe = recipe._replace(task=with_rates(recipe.task, purpose))
    return canonical_recipe(recipe)


def _check_known(recipe: Recipe, setting: Mapping[str, Any]) -> None:
    try:
        build_optimizer(*split(recipe), num_steps=1)
    except TypeError as error:
        others = [field for field in Recipe._fields if field != "hyperparameters"]
        raise ValueError(
            "sweep needs hyperparameters of the optimizer or the schedule, or one of "
            f"{', '.join((*SCALES, *VARIANTS, *others))}, got {', '.join(setting)}: {error}"
        ) from error


def _values(name: str, values: Iterable[Any]) -> tuple[Hashable, ...]:
    """An axis's values: tuples for lists, Python's numbers for NumPy's, floats if one is."""
    try:
        some = list(itertools.islice(values, MOST + 1))
        plain = [v.tolist() if hasattr(v, "tolist") else v for v in some]
    except TypeError:
        plain = None
    if plain is None or isinstance(values, str):
        got = values if isinstance(values, str) else kind_of(values)
        raise ValueError(f"{name} needs a list of values, got {got}")
    made: list[Any] = [tuple(v) if isinstance(v, list) else v for v in plain]
    numbers = [v for v in made if isinstance(v, int | float) and not isinstance(v, bool)]
    if not made:
        raise ValueError(f"{name} needs at least one value, got none")
    if len(made) > MOST:
        raise ValueError(f"{name} needs at most {MOST:,} values, got more")
    if odd := [v for v in numbers if not abs(v) <= LARGEST]:
        raise ValueError(f"{name} needs finite numbers, got {odd[0]}")
    if len(numbers) == len(made) and any(isinstance(v, float) for v in made):
        made = [float(v) for v in made]
    try:
        value, count = collections.Counter(made).most_common(1)[0]
    except TypeError as error:
        raise ValueError(f"{name} needs values that can be told apart: {error}") from error
    if count > 1:
        raise ValueError(f"{name} needs each value once, got {value} {count} times")
    return tuple(made)


def _seeds(name: str, seeds: Iterable[int]) -> tuple[int, ...]:
    values = _values(name, seeds)
    for seed in values:
        as_seed(seed)  # type: ignore[arg-type]
    return values  # type: ignore[return-value]
