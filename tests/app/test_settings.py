"""Each setting is said once, and all there is follows from it."""

import dataclasses

import pytest
from absl import flags
from programs import command_line

from experiments import mnist, sweep
from experiments.app import config, points, settings
from experiments.app.fields import RESULT, SWEEP
from experiments.app.settings import ABOUT, DEFAULTS, Settings
from experiments.folder import records, schema
from experiments.folder.files import as_written

FIXED = {  # for all networks of a sweep
    *("seed", "threads", "eval_every", "validation_fraction", "patience", "target"),
    *("stop_metric", "on_fault", "check_finite", "task", "noise_seed", "class_weights"),
    "deterministic",
    *("mesh", "mode", "image_size", "standardize"),
}
# The keys of every config that there has been.
FIRST = [
    *("seed", "num_epochs", "batch_size", "optimizer", "learning_rate", "schedule", "l2"),
    *("weight_decay", "hidden_sizes", "activation", "kernel_init", "kernel_stddev", "bias_init"),
    *("bias_stddev", "eval_every", "validation_fraction", "patience", "target", "stop_metric"),
    *("on_fault", "check_finite", "threads"),
]


@pytest.mark.parametrize("name", ABOUT)
def test_every_setting_has_its_flag_with_its_default_and_help(name):
    flag = flags.FLAGS[name]
    assert flag.default == DEFAULTS[name]
    assert " ".join(ABOUT[name].help.split()) in " ".join(flag.help.split())


def test_help_says_how_many_networks_folds_are():
    number = 5 * len(points.parse_seeds(DEFAULTS["seeds"]))
    assert f"With --folds=5 there are {number} networks" in ABOUT["folds"].help
    assert "with --folds as many networks for each fold" in ABOUT["seeds"].help


def test_help_says_what_a_reader_would_ask():
    assert ABOUT["seed"].help == "Decides initial weights, data order and noise."
    assert "before its activation: over the batch or over the layer." in ABOUT["norm"].help
    assert "1 is the mean of all steps since the first." in ABOUT["average"].help
    assert ABOUT["warmup"].help.endswith("Of warmup_constant, warmup_cosine, warmup_linear.")
    assert ABOUT["decay"].help.endswith("Of linear, warmup_linear.")
    for name in ("b1", "b2"):
        assert ABOUT[name].help.endswith("Of adam, adamw, lion, nadam.")


def test_a_program_has_the_flags_that_are_its():
    names = {name for name, about in ABOUT.items() if "sweep" not in about.role}
    for program, expected in ((mnist, names), (sweep, ABOUT.keys())):
        own = flags.FLAGS.get_key_flags_for_module(program.__name__)
        assert {flag.name for flag in own} >= {*expected}


@pytest.mark.parametrize("name", settings.names_of(RESULT, SWEEP))
def test_a_record_may_have_every_default(name):
    kind, default = ABOUT[name].schema, DEFAULTS[name]
    if ABOUT[name].is_filled:
        assert default is None
        kind = kind.optional
    schema.check(as_written({name: default})[name], kind, "config.json")


def test_what_is_one_for_all_networks_of_a_sweep():
    assert {name for name in settings.names_of(RESULT) if ABOUT[name].is_fixed} == FIXED


def test_what_may_change_when_a_run_is_resumed():
    assert {n for n, about in ABOUT.items() if about.may_change} == {"num_epochs", "on_fault"}


def test_what_folders_from_before_lack_means_the_default():
    later = [name for name in settings.names_of(RESULT) if ABOUT[name].is_later]
    assert settings.names_of(RESULT) == [*FIRST, *later]
    meant = settings.filled(dict.fromkeys(FIRST), RESULT)
    assert {name: meant[name] for name in later} == {
        **{name: DEFAULTS[name] for name in later},
        "task": "classification",
    }
    assert {name for name in FIRST if name in records.CONFIG.needed} == {*FIRST}
    assert not {*later} & records.CONFIG.needed.keys()
    assert settings.filled({"dropout": 0.5}, RESULT)["dropout"] == 0.5


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().seed = 1


def test_the_flags_are_read_and_an_earlier_runs_hold_where_none_is_given():
    with command_line("--seed=3", "--hidden_sizes=8,4", "--noplots"):
        assert config.read() == Settings(seed=3, hidden_sizes=[8, 4], plots=False)
        earlier = {"seed": 5, "l2": 0.5, "outputs": {"keep": 7, "plots": True}, "workdir": "no"}
        got = config.read(earlier)
        assert (got.seed, got.l2, got.keep, got.plots, got.workdir) == (3, 0.5, 7, False, None)
        got = config.read({"l2": 0.5, "batch_size": 32, "given": {"l2": 0.25, "batch_size": None}})
        assert (got.l2, got.batch_size) == (0.25, None)
