import base64
import json
import re

import jax
import numpy as np
import pytest
from report_sweeps import subject

import jaxmlp
from experiments.app import config as configs
from experiments.app import points
from experiments.app.settings import Settings
from experiments.report import network, sweep, vote

GIVEN = configs.decisive(Settings(hidden_sizes=[5], task="classification", mode="exact"))


def saved(path, num_seeds=2, unsaved=(), diverged=(), **changes):
    """A sweep of three rates whose networks are in its folder, of their seeds' own parameters."""
    made = subject(path, num_seeds=num_seeds, **changes)
    made = made._replace(job=made.job._replace(config={**made.job.config, "given": GIVEN}))
    (path / "networks").mkdir()
    for place, member in enumerate(vote.members_of(made.runs)):
        values = {name: value for name, value in member.items() if name in points.NAMES}
        recipe = points.recipe_at(
            made.job.data, GIVEN, {n: v for n, v in values.items() if n != "seed"}
        )
        params = recipe.model.init(jax.random.key(place))
        if place in diverged:
            params = jax.tree.map(lambda leaf: leaf * np.nan, params)
        if place not in unsaved:
            jaxmlp.save_params(path / "networks" / f"{points.as_text(member)}.npz", params)
    return made


def test_all_saved_networks_vote_those_of_the_best_setting_first(tmp_path):
    made = saved(tmp_path)
    found = vote.of(made)
    assert [each["name"] for each in found["networks"]] == [
        f"learning rate {rate}, seed {seed}" for rate in (0.1, 0.01, 0.001) for seed in (0, 1)
    ]
    assert [each["setting"] for each in found["networks"][1:4]] == [
        *("learning rate 0.1", "learning rate 0.01", "learning rate 0.01")
    ]
    assert found["networks"][0]["network"]["layers"][0]["dtype"] == "float16"
    for place, member in enumerate(vote.saved(made)):
        expected = member.recipe.model.init(jax.random.key(place))
        assert jaxmlp.digest(member.params) == jaxmlp.digest(expected)
        encoded = network.encode(member.recipe, member.params, "float16")
        assert found["networks"][place]["network"] == encoded
    assert (found["kind"], found["names"]) == ("classification", ["0", "1", "2"])
    assert found["input"]["kind"] == "image"
    assert len(found["notes"]) == 1
    assert "float16 instead of float32: that changes 0 of 48 answers" in found["notes"][0]


def test_the_order_is_that_of_the_settings_and_not_of_the_axis(tmp_path):
    made = saved(tmp_path)
    runs = made.runs
    worse = {name: 1 - values for name, values in runs.history.items()}
    rows = [row._replace(mean=1 - row.mean) for row in made.rows]
    made = made._replace(runs=runs._replace(history=worse), rows=rows)
    names = [member.setting for member in vote.saved(made)]
    assert names == [f"learning rate {rate}" for rate in (0.001, 0.001, 0.01, 0.01, 0.1, 0.1)]


def test_widths_that_are_swept_make_networks_of_their_own(tmp_path):
    made = saved(tmp_path, axes={"hidden_sizes": ((5,), (3, 4))})
    sizes = [each["network"]["sizes"] for each in vote.of(made)["networks"]]
    assert sizes == [[6, 5, 3], [6, 5, 3], [6, 3, 4, 3], [6, 3, 4, 3]]


def test_seeds_alone_are_names_enough_where_nothing_is_swept(tmp_path):
    found = vote.of(saved(tmp_path, axes={}))
    assert [(each["setting"], each["name"]) for each in found["networks"]] == [
        *(("", "seed 0"), ("", "seed 1"))
    ]


def test_what_diverged_or_was_not_saved_is_said_and_left_out(tmp_path):
    found = vote.of(saved(tmp_path, unsaved=(0, 1, 2), diverged=(3,)))
    assert [each["name"] for each in found["networks"]] == [
        f"learning rate 0.001, seed {seed}" for seed in (0, 1)
    ]
    assert found["notes"][1:] == [
        "Left out: 1 network whose training diverged.",
        "Left out: 3 networks that are not in the folder's networks/.",
    ]


def test_a_sweep_without_networks_has_no_vote(tmp_path):
    assert vote.of(subject(tmp_path)) is None
    (tmp_path / "all").mkdir()
    assert vote.of(saved(tmp_path / "all", diverged=range(6))) is None


def members(path, count):
    return list(vote.saved(saved(path, num_seeds=-(-count // 3))))[:count]


@pytest.mark.parametrize(
    ("most", "limit", "count", "dtype"),
    [
        (32, 10**6, 6, "float16"),
        (4, 10**6, 4, "float16"),
        (32, 6 * 205, 6, "float16"),
        (32, 6 * 205 - 1, 6, "int8"),
        (32, 6 * 145 - 1, 5, "int8"),
        (32, 100, 0, "int8"),
    ],
)
def test_as_many_as_there_is_room_for(tmp_path, most, limit, count, dtype):
    found = members(tmp_path, 6)
    sizes = [network.num_bytes(found[0].params, each) for each in ("float16", "int8")]
    assert sizes == [205, 145]
    chosen, got = vote.chosen(found, most, limit)
    assert (chosen, got) == (found[:count], dtype)


def test_32_of_the_classic_network_fit():
    layers = jaxmlp.mlp((784, 256, 10)).init(jax.random.key(0))
    member = vote.Member("", "", 0, None, layers)
    assert vote.chosen([member] * 40) == ([member] * 32, "int8")


def test_what_there_was_no_room_for_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(vote, "MOST", 4)
    monkeypatch.setattr(vote.chosen, "__defaults__", (4, network.LIMIT))
    made, read, asked = saved(tmp_path), vote.arrays.read_params, []
    monkeypatch.setattr(
        vote.arrays, "read_params", lambda path, model: asked.append(path) or read(path, model)
    )
    found = vote.of(made)
    assert len(asked) <= 5  # of six, as thousands would take a minute
    assert len(found["networks"]) == 4
    assert found["notes"][1] == (
        "Left out: 2 networks that a page has no room for: it holds 4 networks, or 9 MiB of them, "
        "those of the best settings."
    )


def test_the_notes_say_the_worst_and_the_sum():
    harms = [network.Harm(0.01, 2, 500), network.Harm(0.003, 1, 500)]
    assert "as int8 instead of float32: that changes 3 of 1,000 answers" in vote.notes_on(
        "int8", harms, "classification"
    )
    assert "no probability by more than 0.01." in vote.notes_on("int8", harms, "binary")
    assert "no answer by more than 0.01 of the values'" in vote.notes_on(
        "int8", harms, "regression"
    )


def test_the_page_of_a_sweep_has_the_vote(tmp_path):
    text = sweep.write(saved(tmp_path)).read_text()
    block = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert len(block["network"]["networks"]) == 6
    assert 'id="try-heading"' in text
    assert 'id="network"' in text


def folded(path, dtype=np.uint8):
    """A sweep of two folds, of which the second's inputs are twice as large."""
    made = saved(path, num_seeds=1, axes={"fold": (0, 1)})
    first = made.job.data._replace(train_inputs=made.job.data.train_inputs.astype(dtype) // 2)
    second = first._replace(
        train_inputs=first.train_inputs * 2, test_inputs=first.test_inputs[:4] // 2
    )
    return made._replace(job=made.job._replace(data=first, folds=(first, second)))


def test_each_network_is_of_its_fold_and_measured_on_its_test(tmp_path):
    made = folded(tmp_path)
    found = vote.of(made)
    assert [(each["name"], each["fold"]) for each in found["networks"]] == [
        *(("fold 0, seed 0", 0), ("fold 1, seed 0", 1))
    ]
    assert found["input"]["fold"] == 0  # in whose test the examples are
    assert "changes 0 of 12 answers" in found["notes"][0]  # 8, and 4
    np.testing.assert_array_equal(vote.examples_of(made.job, 1), made.job.folds[1].test_inputs)


def test_each_network_is_scaled_as_its_fold_is(tmp_path):
    made = folded(tmp_path, np.float32)
    given = {**GIVEN, "standardize": True}
    config = {**made.job.config, "given": given, "folds": 2}
    made = made._replace(job=made.job._replace(config=config))
    texts = [each["network"]["input_scaling"]["mean"] for each in vote.of(made)["networks"]]
    first, second = (np.frombuffer(base64.b64decode(text), "<f4") for text in texts)
    np.testing.assert_allclose(second, 2 * first, rtol=1e-6)


def test_examples_without_folds_are_of_no_fold(tmp_path):
    assert "fold" not in vote.of(saved(tmp_path))["input"]
