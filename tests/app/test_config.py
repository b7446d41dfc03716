import re

import numpy as np
import pytest
from programs import command_line
from sklearn.utils.class_weight import compute_class_weight

import jaxmlp
from experiments import sweep
from experiments.app import config, points, presets
from experiments.folder import records, schema

assert sweep  # which has the flags of many networks


def config_of(num_train, *arguments, earlier=None, make=config.make):
    inputs, labels = np.zeros((num_train, 6), np.float32), np.zeros(num_train, np.int32)
    data = jaxmlp.Dataset(inputs, labels, inputs, labels, name="data", num_classes=3)
    with command_line(*arguments):
        return make(config.read(earlier), data, earlier)


def test_defaults_suit_the_size_of_the_data():
    large, small = config_of(60_000), config_of(1_437)
    assert (large["batch_size"], large["num_epochs"]) == (256, 10)
    assert (small["batch_size"], small["num_epochs"]) == (32, 40)
    assert config_of(20)["batch_size"] == 20
    assert large["sizes"] == [6, 256, 3]


def test_a_small_table_trains_for_longer():
    record = ("--dataset=a.csv", "--target=price")
    assert config_of(999, *record)["num_epochs"] == 100
    assert config_of(1_000, *record)["num_epochs"] == 40
    assert config_of(999, *record, "--num_epochs=3")["num_epochs"] == 3
    assert config_of(999)["num_epochs"] == 40  # of arrays, as ever


def test_a_flag_that_is_given_holds():
    config = config_of(20, "--batch_size=7", "--hidden_sizes=", "--learning_rate=0.5")
    assert (config["batch_size"], config["sizes"], config["learning_rate"]) == (7, [6, 3], 0.5)


def test_an_optimizer_brings_its_own_defaults():
    assert config_of(20, "--optimizer=sgd")["learning_rate"] == 0.1
    assert config_of(20)["weight_decay"] == 0.0
    assert config_of(20, "--optimizer=adamw")["weight_decay"] == 1e-4


def test_a_distance_needs_the_term_that_goes_that_far(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "strong", {"vat": 1.0})
    for distance in ("--vat_epsilon=3", "--sweep=vat_epsilon=3"):
        for idle in ([distance], [distance, "--preset=strong", "--vat=0"]):
            with (
                command_line(*idle),
                pytest.raises(ValueError, match="^--vat_epsilon needs --vat to be above 0, got 0$"),
            ):
                config.read()
        for vat in ("--vat=1", "--preset=strong", "--sweep=vat=0,1"):
            with command_line(distance, vat):
                config.read()
    earlier = config_of(20, "--vat=1", "--vat_epsilon=3")
    assert config_of(20, "--vat_epsilon=3", earlier=earlier)["vat_epsilon"] == 3
    config_of(20, "--vat=0", "--preset=strong")  # whose default says nothing


def test_auto_brings_its_notice_and_a_name_does_not(monkeypatch):
    monkeypatch.setattr(config.sources, "load_auto", lambda data_dir: ("digits", "no MNIST"))
    monkeypatch.setattr(config.sources, "load", lambda name, data_dir, **_: (name, data_dir))
    with command_line():
        assert config.load_data(config.read(), None) == ("digits", "no MNIST", [])
    with command_line("--dataset=kmnist", "--data_dir=here"):
        assert config.load_data(config.read(), None) == (("kmnist", "here"), None, [])


def test_a_resumed_run_keeps_its_settings():
    earlier = config_of(20, "--batch_size=7", "--optimizer=sgd")
    assert config_of(20, earlier=earlier) == earlier


def test_a_resumed_run_may_have_more_epochs_and_nothing_else():
    earlier = config_of(20, "--num_epochs=5")
    assert config_of(20, "--num_epochs=9", earlier=earlier)["num_epochs"] == 9
    with pytest.raises(ValueError, match="num_epochs: expected 5 or more, got 4"):
        config_of(20, "--num_epochs=4", earlier=earlier)
    message = r"needs the earlier run's settings; seed: expected 0, got 3; batch_size: .*20, got 2$"
    with pytest.raises(ValueError, match=message):
        config_of(20, "--seed=3", "--batch_size=2", earlier=earlier)


def test_a_resumed_run_may_have_other_devices_in_exact_mode_alone():
    earlier = config_of(20, "--mesh=data:4", "--mode=exact")
    assert config_of(20, "--mesh=data:2", earlier=earlier)["mesh"] == "data:2"
    assert config_of(20, earlier=earlier)["mesh"] == "data:4"
    for then, now in (("fast", "fast"), ("exact", "fast"), ("fast", "exact")):
        earlier = config_of(20, "--mesh=data:4", f"--mode={then}")
        with pytest.raises(ValueError, match="mesh: expected data:4, got data:2"):
            config_of(20, "--mesh=data:2", f"--mode={now}", earlier=earlier)
    with pytest.raises(ValueError, match="mesh: expected None, got data:2; mode: expected None"):
        config_of(20, "--mesh=data:2", "--mode=exact", earlier=config_of(20))


@pytest.mark.parametrize("text", ["data", "data:0", "batch:4", "data:2,data:2", "", "Auto"])
def test_a_mesh_without_sense_is_one_line(text):
    with pytest.raises(SystemExit, match=f"^error: flag --mesh={text}: mesh needs .*, got "):
        config_of(20, f"--mesh={text}")


@pytest.mark.parametrize(
    ("then", "now", "has_other_bits"),
    [
        ("member:2", "member:4", False),
        ("data:2", "member:2,data:4", False),
        ("member:2", "data:2", True),
        ("member:2,data:1", "member:2", True),
    ],
)
def test_a_sweep_may_have_another_mesh_where_that_cuts_batches_likewise(then, now, has_other_bits):
    def made(mesh, earlier=None):
        given = f"--mesh={mesh}", "--mode=exact"
        return config_of(20, *given, earlier=earlier, make=config.make_sweep)

    if not has_other_bits:
        assert made(now, made(then))["mesh"] == now
        return
    with pytest.raises(ValueError, match=f"earlier sweep's settings; mesh: .* {then}, got {now}$"):
        made(now, made(then))


def test_a_mesh_is_recorded_in_one_form(tmp_path):
    made = config_of(20, "--mesh=data: 4 , member:1")
    assert made["mesh"] == "data:4,member:1"
    known = {**made, "dataset": "digits", "data_sha256": "5" * 64}
    schema.check(known, records.CONFIG, "config.json")
    for text in ("auto", "data:4, member:1", "data", 4):
        with pytest.raises(ValueError, match="needs such as data:4 or null as mesh, got"):
            schema.check({**known, "mesh": text}, records.CONFIG, "config.json")


def test_baselines_are_fitted_for_tables_and_where_they_are_asked_for(blobs):
    assert config_of(20)["outputs"]["baselines"] is False
    first = config_of(20, "--baselines")
    assert first["outputs"]["baselines"] is True
    assert config_of(20, earlier=first)["outputs"]["baselines"] is True
    assert config_of(20, "--nobaselines", earlier=first)["outputs"]["baselines"] is False
    with pytest.MonkeyPatch.context() as patch:
        complete = config.complete
        table = {"table": {"target": ["species"]}}
        patch.setattr(config, "complete", lambda *of: complete(*of) | table)
        assert config_of(20)["outputs"]["baselines"] is True
        assert config_of(20, "--nobaselines")["outputs"]["baselines"] is False
        assert config_of(20, make=config.make_sweep)["outputs"]["baselines"] is True
    assert config_of(20, make=config.make_sweep)["outputs"]["baselines"] is False
    assert config_of(20, "--baselines", make=config.make_sweep)["outputs"]["baselines"] is True


def weights_of(labels, num_classes, *arguments, make=config.make):
    inputs = np.zeros((len(labels), 6), np.float32)
    data = jaxmlp.Dataset(inputs, np.asarray(labels), inputs, labels, num_classes=num_classes)
    with command_line("--class_weights=balanced", *arguments):
        return make(config.read(), data, None)


def test_balanced_class_weights_are_scikit_learns_and_numbers_on_record():
    labels = np.repeat([0, 1, 2], [6, 3, 1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    made = weights_of(labels, 3)
    assert made["class_weights"] == pytest.approx(expected.tolist(), rel=1e-15)
    assert made["class_weights"] == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    one_hot = weights_of(np.eye(3)[labels], 3, "--task=classification")
    assert one_hot["class_weights"] == made["class_weights"]
    swept = weights_of(labels, 3, make=config.make_sweep)
    assert swept["class_weights"] == swept["given"]["class_weights"] == made["class_weights"]
    with command_line():  # to be gone on with by numbers
        assert config.read(made).class_weights == config.read(swept).class_weights
        assert config.read(made).class_weights == made["class_weights"]


def test_balanced_class_weights_are_those_of_each_folds_examples():
    labels = np.repeat([0, 1], [3, 1]), np.repeat([0, 1], [2, 2])
    folds = [jaxmlp.Dataset(np.zeros((4, 6), np.float32), y, num_classes=2) for y in labels]
    with command_line("--class_weights=balanced", "--folds=2"):
        made = config.make_sweep(config.read(), folds[0], None)
    made |= config.of_folds(made, folds)
    assert made["fold_class_weights"] == [made["class_weights"], [1, 1]]
    assert made["class_weights"] == pytest.approx([4 / 6, 2])
    for fold, weights in zip(folds, made["fold_class_weights"], strict=True):
        task = points.recipe_at(fold, points.given(made), {}).task
        assert task == jaxmlp.classification(2, class_weights=weights)
    known = {**made, "dataset": "digits", "data_sha256": "5" * 64}
    schema.check(known, records.SWEEP_CONFIG, "config.json")
    with command_line():  # gone on with by the same word
        again = config.make_sweep(config.read(known), folds[0], made)
        assert again | config.of_folds(again, folds) == made
    fixed = {**made, "given": {**made["given"], "class_weights": [1.0, 2.0]}}
    assert config.of_folds(fixed, folds) == {}
    known["given"] = {**made["given"], "class_weights": "fair"}
    with pytest.raises(ValueError, match=r"null or balanced as given\.class_weights, got 'fair'"):
        schema.check(known, records.SWEEP_CONFIG, "config.json")


def test_balanced_class_weights_leave_out_a_class_without_an_example():
    made = weights_of(np.array([0, 0, 0, 2]), 3)
    assert made["class_weights"] == pytest.approx([4 / 6, 0, 2])
    yes = weights_of(np.array([0, 0, 0, 1]), 2, "--task=binary")
    assert yes["class_weights"] == pytest.approx([4 / 6, 2])


def test_class_weights_need_one_class_an_example():
    message = "--class_weights needs one class an example, got --task=multilabel"
    with pytest.raises(ValueError, match=message):
        weights_of(np.eye(2)[[0, 1, 1]], 2, "--task=multilabel")
    with pytest.raises(ValueError, match="--class_weights needs labels that are classes"):
        weights_of(np.array([0.5, 1.5]), 0)


def test_what_a_run_leaves_is_the_earlier_runs_where_no_flag_says_otherwise():
    first = config_of(20, "--checkpoint_every=3 epochs", "--keep=2", "--noplots")
    outputs = {"checkpoint_every": "3epochs", "keep": 2, "plots": False, "tensorboard": False}
    outputs |= {"window": None, "report": True, "baselines": False}
    assert first["outputs"] == outputs
    second = config_of(20, "--keep=5", earlier=first)
    assert second["outputs"] == {**outputs, "keep": 5}
    never = config_of(20, "--checkpoint_every=0", earlier=first)
    assert never["outputs"] == {**outputs, "checkpoint_every": "0"}
    with command_line():
        assert config.read(never).checkpoint_every == (0, "epoch")
        assert config.read({"outputs": {}}).keep == 3


@pytest.mark.parametrize(
    "outputs",
    [[], {"keep": "x"}, {"keep": 0}, {"plots": "often"}, {"checkpoint_every": 5}, {"keep": None}],
)
def test_what_is_no_value_of_a_flag_in_an_earlier_config_is_refused(outputs):
    made = {**config_of(20), "dataset": "digits", "data_sha256": "5" * 64, "outputs": outputs}
    with pytest.raises(ValueError, match="config.json needs .* outputs"):
        schema.check(made, records.CONFIG, "config.json")


def test_a_network_has_an_output_for_each_value():
    inputs = np.zeros((20, 6), np.float32)
    for shape, outputs in (((20,), 1), ((20, 2), 2)):
        data = jaxmlp.Dataset(inputs, np.zeros(shape, np.float32), inputs, np.zeros(shape))
        with command_line("--hidden_sizes=5"):
            made = config.make(config.read(), data, None)
        assert (made["task"], made["sizes"]) == ("regression", [6, 5, outputs])


def test_the_task_is_what_the_labels_tell_unless_it_is_named():
    inputs = np.zeros((20, 6), np.float32)
    labels = np.zeros((20, 3), np.int32)
    data = jaxmlp.Dataset(inputs, labels, inputs, labels, num_classes=2)
    for flags in ([], ["--task=auto"], ["--task=multilabel"]):
        with command_line("--hidden_sizes=5", *flags):
            made = config.make(config.read(), data, None)
        assert (made["task"], made["sizes"]) == ("multilabel", [6, 5, 3])
    with command_line("--task=auto"):
        assert config.read({"task": "regression"}).task is None
    with command_line():
        assert config.read({"task": "regression"}).task == "regression"


def test_classes_keep_their_names():
    inputs, labels = np.zeros((2, 6), np.float32), np.array([0, 1], np.int32)
    data = jaxmlp.Dataset(inputs, labels, num_classes=2, class_names=("no", "yes"))
    with command_line():
        assert config.make(config.read(), data, None)["class_names"] == ["no", "yes"]
        plain = config.make(config.read(), data._replace(class_names=()), None)
    assert "class_names" not in plain


def test_early_stopping_needs_a_validation_set():
    with pytest.raises(ValueError, match="--patience needs a validation set"):
        config_of(20, "--patience=3")


def test_an_accuracy_that_no_network_reaches_is_refused():
    inputs, labels = np.zeros((20, 6), np.float32), np.zeros(20, np.int32)
    data = jaxmlp.Dataset(inputs, labels, None, None, inputs, labels, num_classes=3)
    refused = pytest.raises(ValueError, match=r"--target of the accuracy needs .* 1, got 98\.0$")
    with command_line("--stop_metric=accuracy", "--target=98"), refused:
        config.make(config.read(), data, None)
    with command_line("--stop_metric=loss", "--target=98"):
        assert config.make(config.read(), data, None)["target"] == 98


NUMBERS = "learning_rate l2 weight_decay kernel_stddev bias_stddev validation_fraction"
WHOLE = "seed num_epochs batch_size eval_every patience keep threads"
NONSENSE = ["", "abc", "nan", "-nan", "inf", "-inf", "1e400", "-1", "1e-300", "\u0661", "1,2", "1j"]


@pytest.mark.parametrize("name", [*NUMBERS.split(), *WHOLE.split()])
@pytest.mark.parametrize("text", [*NONSENSE, "9" * 12 + "e99", "9" * 5000])
def test_a_number_without_sense_is_one_line(name, text):
    with pytest.raises(SystemExit) as refused, command_line(f"--{name}={text}"):
        pass
    message = str(refused.value)
    assert message.startswith(f"error: flag --{name}={text[:1]}")
    assert ": expected " in message
    assert "\n" not in message


@pytest.mark.parametrize("text", NONSENSE)
def test_a_score_without_sense_is_one_line(text):
    said = f"flag --target={text}: expected " if text else "flag --target=: expected a score, or "
    with pytest.raises((SystemExit, ValueError), match=re.escape(said)) as refused:
        config_of(20, f"--target={text}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "flag",
    [
        *("--threads=257", "--threads=0", "--seed=4294967296", "--num_epochs=2147483648"),
        *("--validation_fraction=0.999", "--learning_rate=1e39", "--keep=0", "--patience=0"),
        *("--eval_every=0", "--batch_size=2147483648"),
    ],
)
def test_numbers_beyond_their_bounds_are_refused(flag):
    with pytest.raises(SystemExit, match=r"^error: .*: expected .*, got \S+$"), command_line(flag):
        pass


@pytest.mark.parametrize(
    "flag",
    [
        *("--learning_rate=0", "--l2=1e-5", "--target=3.4e38", "--validation_fraction=0.99"),
        *("--seed=4294967295", "--num_epochs=2147483647", "--threads=256", "--keep=1"),
        *("--hidden_sizes=", "--hidden_sizes=2147483647,1", "--checkpoint_every=2147483647steps"),
    ],
)
def test_numbers_at_their_bounds_are_taken(flag):
    with command_line(flag):
        pass


def of_values(labels, *arguments, task="regression"):
    """A table's config, and its data."""
    inputs = np.zeros((len(labels), 2), np.float32)
    data = jaxmlp.Dataset(inputs, labels, inputs, labels, name="a.csv", num_classes=2)
    with command_line("--dataset=a.csv", "--target=y", f"--task={task}", *arguments):
        return config.make(config.read(), data, None), data


def test_values_of_a_table_alone_have_a_scaling():
    made, data = of_values(np.float32([100, 140, 180]))
    assert made["output_scaling"] == {"mean": [128.0], "scale": [32.0]}
    classes, _ = of_values(np.int32([0, 1, 1]), task="classification")
    assert "output_scaling" not in classes
    with command_line("--dataset=a.npz", "--task=regression"):
        assert "output_scaling" not in config.make(config.read(), data, None)


def test_each_fold_has_the_scaling_of_its_own_training_rows():
    made, first = of_values(np.float32([100, 140, 180]))
    second = first._replace(train_labels=np.float32([1, 2, 3]))
    found = config.of_folds({"given": made}, [first, second])
    one, other = found["fold_scalings"]
    assert one == {"output_scaling": made["output_scaling"]}
    assert other == {"output_scaling": {"mean": [2.0], "scale": [1.0]}}
    assert config.of_folds({"given": made}, []) == {}
    classes, data = of_values(np.int32([0, 1, 1]), task="classification")
    assert config.of_folds({"given": classes}, [data, data]) == {}


def pictures_of(inputs, *arguments, earlier=None, make=config.make):
    labels = np.arange(len(inputs), dtype=np.int32) % 2
    about = {"name": "dots", "num_classes": 2, "image_shape": (1, 2)}
    data = jaxmlp.Dataset(inputs, labels, inputs, labels, **about)
    with command_line(*arguments):
        return make(config.read(earlier), data, earlier)


def test_pictures_that_are_not_from_0_to_1_say_what_white_is():
    pixels = np.float32([[0, 255], [9, 0]])
    assert "white" not in pictures_of(pixels / 255)
    assert "white" not in pictures_of(pixels.astype(np.uint8))
    made = pictures_of(pixels)
    assert made["white"] == 255
    assert pictures_of(pixels, make=config.make_sweep)["white"] == 255
    assert pictures_of(pixels - 9)["white"] is None
    older = {name: value for name, value in made.items() if name != "white"}
    assert pictures_of(pixels, earlier=older)["white"] == 255  # and goes on
    assert config.pixels(jaxmlp.Dataset(pixels, np.zeros(2, np.int32))) == {}  # rows


@pytest.fixture
def quick(monkeypatch):
    """What --preset=quick sets here."""
    values = {"batch_size": 7, "hidden_sizes": [5, 4], "seeds": "0:3"}
    monkeypatch.setitem(presets.PRESETS, "quick", values)
    return values


def test_a_preset_holds_before_defaults_and_a_flag_before_it(quick):
    made = config_of(20, "--preset=quick")
    assert (made["batch_size"], made["sizes"], made["preset"]) == (7, [6, 5, 4, 3], "quick")
    assert made == config_of(20, "--batch_size=7", "--hidden_sizes=5,4") | {"preset": "quick"}
    made = config_of(20, "--preset=quick", "--hidden_sizes=2", make=config.make_sweep)
    assert (made["seeds"], made["given"]["batch_size"], made["sizes"]) == ("0:3", 7, [6, 2, 3])
    assert made["preset"] == "quick"
    assert "preset" not in made["given"]
    assert "preset" not in config_of(20)
    with command_line("--preset=quick"):
        config.read().hidden_sizes.append(1)  # which is no part of the preset
    assert quick["hidden_sizes"] == [5, 4]


def test_what_processes_start_by_may_be_a_presets(quick):
    quick |= {"threads": 1}
    with command_line("--preset=quick"):
        assert config.read_start().threads == 1
    with command_line("--preset=quick", "--threads=2"):
        assert config.read_start().threads == 2


@pytest.mark.parametrize("make", [config.make, config.make_sweep])
def test_a_resumed_run_keeps_its_values_and_its_presets_name(quick, make):
    earlier = config_of(20, "--preset=quick", "--l2=0.5", make=make)
    quick["batch_size"] = 8  # since then
    assert config_of(20, earlier=earlier, make=make) == earlier
    same = "--preset=quick", "--batch_size=7"
    assert config_of(20, *same, earlier=earlier, make=make) == earlier
    with pytest.raises(ValueError, match="settings; batch_size: expected 7, got 8"):
        config_of(20, "--preset=quick", earlier=earlier, make=make)


def test_a_presets_name_alone_makes_no_other_run(quick, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "strong", dict(quick))
    earlier = config_of(20, "--preset=quick")
    assert config_of(20, "--preset=strong", earlier=earlier) == earlier
    without = config_of(20, "--batch_size=7", "--hidden_sizes=5,4")
    assert config_of(20, "--preset=quick", earlier=without) == without


def test_a_record_may_name_a_preset_that_is_no_more():
    made = config_of(20) | {"dataset": "digits", "data_sha256": "5" * 64}
    schema.check({**made, "preset": "gone"}, records.CONFIG, "config.json")
    with pytest.raises(ValueError, match="needs a text as preset, got 3"):
        schema.check({**made, "preset": 3}, records.CONFIG, "config.json")
