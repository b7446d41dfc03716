import numpy as np
import pytest

from jaxmlp import Fault, Metric, TrainState
from jaxmlp.populations.runs import HALVING, LENGTH, Runs

NAN = np.nan
FAULT = Fault(step=5, epoch=2, kind="gradient", layer="layer_0/kernel", detail="")


def made(widths=((2,), (3,))):
    """Two rates by two networks, a program each, by three seeds; (0.01, second, 8) has a fault.

    A member's parameters, step and losses tell its position: 100 rate + 10 network + seed.
    """
    places, states = np.zeros((2, 2, 3, 2), np.int32), []
    numbers = np.add.outer(np.add.outer([0, 100], [0, 10]), [0, 1, 2]).astype(np.int32)
    for program, (width,) in enumerate(widths):
        own = numbers[:, program].reshape(-1)[::-1]  # a program's rows have an order of their own
        places[:, program, :, 0] = program
        places[:, program, :, 1] = np.arange(6)[::-1].reshape(2, 3)
        kernels = np.float32(own)[:, None] + np.zeros((1, width), np.float32)
        states.append(TrainState({"kernel": kernels}, (), own.astype(np.int32)))
    losses = numbers[..., None] + np.float32([0.75, 0.5, 0.25])
    stopped_at = np.full((2, 2, 3), 3, np.int32)
    stopped_at[1, 1, 2], stopped_at[0, 0, 0] = 1, 2
    losses[1, 1, 2, 1:], losses[0, 0, 0, 2:] = NAN, NAN
    accuracy = np.where(np.arange(3) == 1, losses, NAN).astype(np.float32)  # looked at once
    return Runs(
        {"learning_rate": (0.1, 0.01), "hidden_sizes": widths, "seed": (6, 7, 8)},
        {"train_loss": losses.astype(np.float32), "test_accuracy": accuracy},
        stopped_at,
        tuple(states),
        places,
        {(1, 1, 2): FAULT},
    )


def numbers_of(runs):
    """The members that are there, by what their first epoch's loss tells."""
    return np.floor(runs.history["train_loss"][..., 0]).astype(int).tolist()


def test_a_member_has_its_own_results_up_to_its_end():
    member = made().member(learning_rate=0.01, hidden_sizes=(3,), seed=7)
    assert member.params["kernel"].tolist() == [111] * 3
    assert member.state.params is member.params
    assert member.state.step == 111
    assert member.history["train_loss"].tolist() == [111.75, 111.5, 111.25]
    ended = made().member(learning_rate=0.1, hidden_sizes=(2,), seed=6)
    assert ended.history["train_loss"].tolist() == [0.75, 0.5]
    assert ended.params["kernel"].tolist() == [0] * 2


def test_a_list_stands_for_a_tuple_and_an_axis_of_one_may_be_left_out():
    runs = made()._replace(history={"train_loss": made().history["train_loss"]})
    assert runs.member(learning_rate=0.1, hidden_sizes=[3], seed=8).state.step == 12
    one = runs._replace(
        axes={**runs.axes, "seed": (8,)},
        history={"train_loss": runs.history["train_loss"][:, :, 2:]},
        stopped_at=runs.stopped_at[:, :, 2:],
        places=runs.places[:, :, 2:],
        faults={},
    )
    assert one.member(learning_rate=0.1, hidden_sizes=(3,)).state.step == 12


def test_a_member_has_the_columns_of_its_program():
    runs = made()
    program = int(runs.select(hidden_sizes=(3,)).places[0, 0, 0])
    columns = [("train_loss", "test_accuracy")] * len(runs.states)
    columns[program] = ("test_accuracy",)
    runs = runs._replace(columns=tuple(columns))
    where = {"learning_rate": 0.01, "seed": 7}
    assert list(runs.member(hidden_sizes=(3,), **where).history) == ["test_accuracy"]
    others = runs.member(hidden_sizes=(2,), **where).history
    assert list(others) == ["train_loss", "test_accuracy"]


def test_members_are_selected_along_any_axes():
    runs = made()
    assert runs.shape == (2, 2, 3)
    chosen = runs.select(hidden_sizes=(3,))
    assert chosen.axes == {"learning_rate": (0.1, 0.01), "seed": (6, 7, 8)}
    assert numbers_of(chosen) == [[10, 11, 12], [110, 111, 112]]
    assert chosen.faults == {(1, 2): FAULT}
    assert chosen.stopped_at.tolist() == [[3, 3, 3], [3, 3, 1]]
    assert numbers_of(runs.select(seed=7, learning_rate=0.01)) == [101, 111]
    assert runs.select(learning_rate=0.01, seed=8).faults == {(1,): FAULT}
    assert runs.select(seed=7).faults == {}
    assert numbers_of(runs.select()) == numbers_of(runs)
    assert runs.select().axes == runs.axes
    assert runs.select().faults == runs.faults
    assert runs.select(learning_rate=0.01, hidden_sizes=(3,), seed=8).faults == {(): FAULT}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"seed": 5}, r"^seed needs to be one of \(6, 7, 8\), got 5$"),
        ({"seeds": 6}, "^expected the axes learning_rate, hidden_sizes, seed, got seeds$"),
    ],
)
def test_what_is_not_there_cannot_be_selected(where, message):
    with pytest.raises(ValueError, match=message):
        made().select(**where)


def test_a_member_needs_a_value_for_each_open_axis():
    with pytest.raises(ValueError, match="^member needs a value for learning_rate, seed, got"):
        made().member(hidden_sizes=(2,))


def test_parameters_come_as_one_tree_in_the_order_of_the_axes():
    params = made().select(hidden_sizes=(3,)).params  # the second program alone
    assert params["kernel"].shape == (2, 3, 3)
    assert params["kernel"][..., 0].tolist() == [[10, 11, 12], [110, 111, 112]]
    alike = made(widths=((2,), (2,))).params  # two programs
    assert alike["kernel"].shape == (2, 2, 3, 2)
    expected = [[[0, 1, 2], [10, 11, 12]], [[100, 101, 102], [110, 111, 112]]]
    assert alike["kernel"][..., 1].tolist() == expected
    single = made().select(learning_rate=0.01, hidden_sizes=(2,), seed=8).params
    assert single["kernel"].tolist() == [102, 102]


def test_parameters_of_other_shapes_make_no_tree():
    with pytest.raises(ValueError, match="^params needs members of one shape, got 2: select"):
        _ = made().params


def test_final_values_are_the_last_that_were_measured():
    runs = made()
    assert runs.final("train_loss").tolist() == [
        [[0.5, 1.25, 2.25], [10.25, 11.25, 12.25]],
        [[100.25, 101.25, 102.25], [110.25, 111.25, 112.75]],
    ]
    accuracies = runs.final("test_accuracy")
    assert accuracies[0, 0].tolist() == [0.5, 1.5, 2.5]
    assert np.isnan(accuracies).sum() == 1
    assert np.isnan(accuracies[1, 1, 2])
    assert runs.history["train_loss"][1, 1, 2, 0] == 112.75
    for function in (runs.final, runs.best):
        with pytest.raises(ValueError, match="^the history needs f1, got train_loss, test_acc"):
            function("f1")


def test_the_best_setting_has_the_best_mean_over_seeds():
    runs = made()
    assert runs.best("train_loss") == {"learning_rate": 0.1, "hidden_sizes": (2,)}
    # More is better, but the setting with the most has a member with a fault.
    assert runs.best("test_accuracy") == {"learning_rate": 0.01, "hidden_sizes": (2,)}
    healthy = runs._replace(faults={}, history={"test_accuracy": runs.history["train_loss"]})
    assert healthy.best("test_accuracy") == {"learning_rate": 0.01, "hidden_sizes": (3,)}
    assert healthy.best("test_accuracy", mean_over=()) == {
        "learning_rate": 0.01,
        "hidden_sizes": (3,),
        "seed": 8,
    }
    assert runs.best("test_accuracy", mean_over=())["seed"] == 7  # the fault's own is passed over
    assert runs.best("train_loss", mean_over=("learning_rate", "hidden_sizes")) == {"seed": 6}
    assert runs.select(learning_rate=0.1, hidden_sizes=(2,), seed=7).best("train_loss") == {}


def test_a_lucky_seed_does_not_win():
    losses = np.float32([[0.0, 9.0], [1.0, 1.0]])[..., None]
    runs = Runs(
        {"rate": (1, 2), "seed": (0, 1)},
        {"test_loss": losses, "test_error": -losses, "test_score": losses},
        np.ones((2, 2), np.int32),
        (),
        np.zeros((2, 2, 2), np.int32),
        {},
    )
    assert runs.best("test_loss") == {"rate": 2}
    assert runs.best("test_loss", mean_over=()) == {"rate": 1, "seed": 0}
    assert runs.best("test_error") == {"rate": 1}
    noisy = runs._replace(axes={"rate": runs.axes["rate"], "noise_seed": runs.axes["seed"]})
    assert noisy.best("test_loss") == {"rate": 2}
    assert runs.best("test_score") == {"rate": 1}
    crossed = runs._replace(axes={"rate": (1, 2), "shuffle_seed": (0, 1)})
    assert crossed.best("test_loss") == {"rate": 2}


def test_nothing_is_best_where_nothing_was_measured():
    runs = made()
    nothing = np.full_like(runs.history["train_loss"], NAN)
    with pytest.raises(ValueError, match="^best needs a setting whose members all measured f1"):
        runs._replace(history={"f1": nothing}).best("f1")
    faulty = {position: FAULT for position in np.ndindex(2, 2, 3) if position[2] == 1}
    with pytest.raises(ValueError, match="members all measured train_loss, got none$"):
        runs._replace(faults=faulty).best("train_loss")


def test_xarray_has_the_axes_as_coordinates():
    runs = made()
    table = runs.to_xarray()
    assert dict(table.sizes) == {"learning_rate": 2, "hidden_sizes": 2, "seed": 3, "epoch": 3}
    assert table.hidden_sizes.values.tolist() == ["2", "3"]
    assert table.seed.values.tolist() == [6, 7, 8]
    value = table.train_loss.sel(learning_rate=0.01, hidden_sizes="3", seed=6, epoch=2)
    assert float(value) == 110.5
    assert int(table.stopped_at.sel(learning_rate=0.01, hidden_sizes="3", seed=8)) == 1
    np.testing.assert_array_equal(table.test_accuracy.values, runs.history["test_accuracy"])
    single = runs.select(learning_rate=0.01, hidden_sizes=(3,), seed=6).to_xarray()
    assert single.train_loss.values.tolist() == [110.75, 110.5, 110.25]
    assert int(single.stopped_at) == 3


def test_a_data_frame_has_a_row_for_each_epoch_that_was_finished():
    frame = made().to_dataframe()
    assert list(frame.columns) == [
        *("learning_rate", "hidden_sizes", "seed", "epoch", "train_loss", "test_accuracy")
    ]
    assert len(frame) == 36 - 2 - 1
    assert frame.index.tolist() == list(range(33))
    assert not frame.train_loss.isna().any()
    rows = frame[(frame.learning_rate == 0.01) & (frame.hidden_sizes == "3")]
    assert rows.seed.tolist() == [6, 6, 6, 7, 7, 7, 8]
    assert rows.epoch.tolist() == [1, 2, 3, 1, 2, 3, 1]
    expected = [110.75, 110.5, 110.25, 111.75, 111.5, 111.25, 112.75]
    assert rows.train_loss.tolist() == expected
    single = made().select(learning_rate=0.1, hidden_sizes=(2,), seed=6).to_dataframe()
    assert single.train_loss.tolist() == [0.75, 0.5]


def test_a_setting_that_halving_ended_is_never_the_best():
    runs = made()._replace(faults={})
    best = runs.best("train_loss")
    assert best == {"learning_rate": 0.1, "hidden_sizes": (2,)}
    ended_by = np.full(runs.shape, LENGTH, np.int8)
    ended_by[0, 0] = HALVING
    assert runs._replace(ended_by=ended_by).best("train_loss") == {**best, "hidden_sizes": (3,)}


def test_the_best_is_what_the_record_says():
    runs = made()._replace(metrics=(Metric("accuracy", higher_is_better=False, is_share=True),))
    assert made().metric("test_accuracy") == Metric("test_accuracy", is_share=True)
    assert runs.metric("test_accuracy").higher_is_better is False
    assert made().best("test_accuracy") != runs.best("test_accuracy")
    assert runs.select(learning_rate=0.1).metrics == runs.metrics
    with pytest.raises(ValueError, match=r"^the history needs f1, got train_loss, test_accuracy$"):
        runs.metric("f1")
