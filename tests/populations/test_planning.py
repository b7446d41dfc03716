import math

import jax
import numpy as np
import optax
import pytest
from compilations import counted
from jax.sharding import Mesh

from jaxmlp import Recipe, classification, mlp
from jaxmlp.populations import planning
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.planning import prepare, state_of
from jaxmlp.training.engine import shapes_of

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.5}, 16, 3)
PARAMS = 4 * 8 + 8 + 8 * 3 + 3
STATE = 4 * (3 * PARAMS + 2)  # bytes: the parameters, Adam's two averages and its count, the step
DATA = 50 * 4 * 4 + 50 * 4 + 30 * 4 * 4 + 30 * 4
HISTORY = 3 * planning.LINE  # of a member


def prepared(blobs, seeds=range(6), sweep=None, mode=None, mesh=None, memory=None):
    return prepare(make_grid(RECIPE, seeds, sweep), blobs, mode, mesh, memory, False)


def test_a_members_state_has_the_shapes_of_train(blobs):
    (program,) = make_grid(RECIPE, range(3)).programs
    shapes = state_of(program, shapes_of(blobs))
    assert [layer.kernel.shape for layer in shapes.params] == [(4, 8), (8, 3)]
    assert sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes)) == (
        STATE
    )


def test_a_plan_tells_what_is_needed(blobs):
    crew, plan = prepared(blobs)
    assert plan[:5] == (6, 1, "exact", 1, 6)
    assert crew.sizes == (6,)
    assert crew.mode == "exact"
    assert crew.teams == (jax.devices()[0],)
    # A chunk's states go in and come out, next to the data.
    assert 2 * 6 * STATE + DATA < plan.device_bytes < 2 * 6 * STATE + DATA + 50_000
    assert plan.host_bytes == 6 * (STATE + HISTORY) + plan.device_bytes
    assert plan.host_bytes < plan.available_bytes
    assert prepared(blobs, memory=10**6)[1].available_bytes == 10**6


def test_the_data_are_on_the_devices_as_they_are(blobs):
    crew, _ = prepared(blobs)
    ((sets,),) = crew.sets
    assert sets.keys() == {"train", "test"}
    for name, (inputs, labels) in blobs.sets().items():
        np.testing.assert_array_equal(sets[name][0], inputs)
        np.testing.assert_array_equal(sets[name][1], labels)
    wide = blobs._replace(
        train_inputs=blobs.train_inputs.astype(np.float64),
        train_labels=blobs.train_labels.astype(np.int64),
    )
    dtypes = [array.dtype for array in prepared(wide)[0].sets[0][0]["train"]]
    assert dtypes == [np.float32, np.int32]


def test_all_members_of_a_program_go_at_once_in_fast_mode(blobs, monkeypatch):
    monkeypatch.setattr(planning, "FEWEST", 2)
    monkeypatch.setattr(planning, "MOST", 2)
    assert prepared(blobs, mode="exact")[1].chunk == 2
    crew, plan = prepared(blobs, mode="fast")
    assert (crew.mode, plan.mode, plan.chunk) == ("fast", "fast", 6)


@pytest.mark.parametrize(
    ("seconds", "fewest", "most", "expected"),
    [(2.0, 8, 512, 512), (0.0, 8, 512, 8), (0.0, 3, 512, 3), (2.0, 8, 20, 20), (13e-4, 1, 99, 10)],
)
def test_a_chunk_should_take_about_so_many_seconds(
    seconds, fewest, most, expected, monkeypatch, blobs
):
    for name, value in (("BLOCK_SECONDS", seconds), ("FEWEST", fewest), ("MOST", most)):
        monkeypatch.setattr(planning, name, value)
    (program,) = make_grid(RECIPE, range(3)).programs

    assert planning._chunk(program, shapes_of(blobs)) == expected  # four steps of 30 us, or so


class Compiled:
    """A program, of which only its memory matters."""

    def __init__(self, needed):
        self.needed = needed

    def memory_analysis(self):
        fields = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
        return type("Analysis", (), dict(zip(fields, (self.needed - 30, 10, 20), strict=True)))

    def __call__(self, *_):
        pytest.fail("called")


TRAINING_SET = 50 * 20  # bytes, which are among a program's arguments


def test_sizes_are_per_program_and_a_chunk_is_never_more_than_there_are(blobs, monkeypatch):
    compiled = []

    def compile_all(calls, on_compiled):
        compiled.append(calls)
        on_compiled("told")
        return {name: Compiled(TRAINING_SET + 5000) for name in calls}

    monkeypatch.setattr(planning, "compile_all", compile_all)
    grid = make_grid(RECIPE, range(5), {"hidden_sizes": [(8,), ()]})
    told = []
    crew, plan = prepare(grid, blobs, None, None, None, True, told.append)
    assert told == ["told"]
    assert crew.sizes == (5, 5)
    assert (plan.num_members, plan.num_programs, plan.chunk) == (10, 2, 5)
    ((calls),) = compiled  # all side by side
    functions = ("run", "init", "rate", "is_finite", "test")
    assert list(calls) == [(number, 0, 0, name) for number in (0, 1) for name in functions]
    for number, program in enumerate(grid.programs):
        assert calls[number, 0, 0, "run"].static == (program.static,)
    # The training set is counted once; of each member but one more state goes in and comes out.
    assert plan.device_bytes == 5000 + 2 * 4 * STATE + DATA


def test_a_chunk_in_exact_mode_is_what_fits(blobs, monkeypatch):
    alone = 90_000
    monkeypatch.setattr(
        planning,
        "compile_all",
        lambda calls, _: {name: Compiled(TRAINING_SET + alone) for name in calls},
    )
    enough = 6 * (STATE + HISTORY) + DATA + alone
    for more, size in ((0, 1), (2 * STATE - 1, 1), (2 * STATE, 2), (4 * STATE, 3), (10**6, 6)):
        crew, plan = prepared(blobs, memory=enough + more)
        assert crew.sizes == (size,)
        assert plan.host_bytes == enough + 2 * (size - 1) * STATE <= plan.available_bytes
    message = "^a member needs .* GiB on each of 1 devices, besides the .*; got .* GiB$"
    with pytest.raises(ValueError, match=message):
        prepared(blobs, memory=enough - 1)


def test_what_does_not_fit_side_by_side_is_halved_until_it_does(blobs, monkeypatch):
    sizes = []

    def compile_all(calls, _):
        size = calls[0, 0, 0, "run"].arguments[1].noise.shape[0]
        sizes.append(size)
        needed = TRAINING_SET + {6: 90_001, 3: 90_001, 1: 90_000}[size]
        return {name: Compiled(needed) for name in calls}

    monkeypatch.setattr(planning, "compile_all", compile_all)
    enough = 6 * (STATE + HISTORY) + DATA + 90_000
    crew, plan = prepared(blobs, mode="fast", memory=enough)
    assert sizes == [6, 3, 1]
    assert crew.sizes == (1,)
    assert plan.host_bytes == enough == plan.available_bytes
    message = "^a member needs .* GiB on each of 1 devices, besides the .*; got .* GiB$"
    with pytest.raises(ValueError, match=message):
        prepared(blobs, mode="fast", memory=enough - 1)
    assert sizes == [6, 3, 1] * 2


def test_states_that_do_not_fit_are_refused_before_a_compilation(blobs, monkeypatch):
    monkeypatch.setattr(planning, "compile_all", lambda *_: pytest.fail("compiled"))
    message = r"^6 members need .* GiB for their states besides .* GiB of data, got .* of memory$"
    with pytest.raises(ValueError, match=message):
        prepared(blobs, memory=6 * (STATE + HISTORY) + DATA - 1)


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_a_program_is_compiled_once(mode, blobs):
    prepared(blobs, mode=mode)
    with counted() as seen:
        prepared(blobs, sweep={"learning_rate": [0.25]}, mode=mode)
        prepared(blobs, seeds=range(6, 12), mode=mode)
    assert not seen


def test_fewer_members_take_fewer_places_in_fast_mode_alone(blobs):
    crew, _ = prepared(blobs, seeds=range(13), mode="fast")
    sizes = [crew.size_for(0, members) for members in (13, 8, 7, 5, 4, 3, 2, 1)]
    assert sizes == [13, 13, 7, 7, 4, 4, 2, 1]
    crew = crew._replace(teams=crew.teams * 2)
    assert [crew.size_for(0, members) for members in (26, 15, 14, 3, 2)] == [13, 13, 7, 2, 1]
    crew = crew._replace(mode="exact")
    assert crew.size_for(0, 1) == 13


def test_members_side_by_side_stay_in_a_cpus_cache(blobs, monkeypatch):
    state, row = STATE, 16 * 4 * 4  # of a batch
    monkeypatch.setattr(planning, "CACHE", 5 * (state + row))
    assert prepared(blobs, seeds=range(6), mode="fast")[0].sizes == (3,)  # two chunks alike
    assert prepared(blobs, seeds=range(5), mode="fast")[0].sizes == (5,)
    assert prepared(blobs, seeds=range(6), mode="exact")[0].sizes == (6,)


def test_devices_are_those_of_the_mesh_in_any_shape(blobs):
    mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("x", "y"))
    crew, plan = prepared(blobs, mesh=mesh)
    assert crew.teams == (jax.devices()[0],)
    assert plan.num_devices == 1


def test_a_mode_that_is_none_is_refused(blobs):
    with pytest.raises(ValueError, match="^mode needs to be exact or fast, got slow$"):
        prepared(blobs, mode="slow")
