"""Many networks on a table: replayed to the bit, and asked together."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from programs import call
from run_files import read
from test_table import SETTINGS, houses, interrupted, predictions, write

import jaxmlp
from experiments import predict, replay, sweep, table, verify
from experiments.data.tables import loading
from experiments.scores import baselines


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Prices, of which one is so high that the fold that trains on it has another scaling."""
    header, *rows = houses()
    rows[5][3] = "9000.5"
    return write(tmp_path_factory.mktemp("sweeps") / "houses.csv", [header, *rows])


@pytest.fixture(scope="module")
def folder(file, tmp_path_factory):
    """Two folds of two networks, on prices."""
    folder = tmp_path_factory.mktemp("folds") / "sweep"
    call(*training(file, folder))
    return folder


def training(file, folder):
    ignored = "--ignore=kind,quiet,light"
    flags = [f"--data={file}", "--target=price", ignored, *SETTINGS, "--folds=2", "--seeds=0:2"]
    return table, *flags, "--save_networks", f"--workdir={folder}"


def answers(folder, column="answer_price"):
    return np.array([float(row[column]) for row in predictions(folder)])


def test_folds_each_have_a_preparation_and_a_scaling(file, folder):
    config = read(folder / "config.json")
    prepared = json.loads((folder / "preparation.json").read_text())
    options = loading.Options(("price",), ignore=("kind", "quiet", "light"), folds=2)
    loaded = loading.load(file, options)
    assert prepared == loaded.preparations
    assert prepared[0]["columns"] != prepared[1]["columns"]
    one, other = (each["output_scaling"]["scale"] for each in config["fold_scalings"])
    assert one != other
    assert config["fold_scalings"][0]["output_scaling"] == config["output_scaling"]


def test_interrupted_folds_go_on_by_their_folder_alone_to_the_same_bits(file, folder, tmp_path):
    stopped = tmp_path / "sweep"
    interrupted(*training(file, stopped))
    assert len((stopped / "metrics.jsonl").read_text().splitlines()) == 1
    assert not (stopped / "runs.npz").exists()
    call(table, "--resume", f"--workdir={stopped}")
    with np.load(folder / "runs.npz") as whole, np.load(stopped / "runs.npz") as found:
        assert whole.files == found.files
        for name in whole.files:
            assert whole[name].tobytes() == found[name].tobytes(), name
    for name in ("config.json", "preparation.json"):
        assert (stopped / name).read_bytes() == (folder / name).read_bytes()
    for path in (folder / "networks").iterdir():
        one, other = (
            jaxmlp.load_params(each / "networks" / path.name) for each in (folder, stopped)
        )
        assert jaxmlp.digest(one) == jaxmlp.digest(other)


def test_a_member_of_a_fold_is_replayed_to_the_bit(folder, capsys):
    call(replay, folder, "--member=fold=1,seed=1")
    assert "fold=1,seed=1: identical to the bit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("program", "member"), [(replay, ["--member=fold=0,seed=0"]), (verify, [])]
)
def test_what_a_sweep_says_of_its_table_is_held(folder, tmp_path, capsys, program, member):
    forged = shutil.copytree(folder, tmp_path / "sweep")
    prepared = json.loads((forged / "preparation.json").read_text())
    prepared[1]["columns"][0]["mean"] = 0.5
    (forged / "preparation.json").write_text(json.dumps(prepared))
    config = read(forged / "config.json")
    config["fold_scalings"][1]["output_scaling"]["mean"] = [0.0]
    (forged / "config.json").write_text(json.dumps(config))
    with pytest.raises(SystemExit) as ended:
        call(program, forged, *member)
    assert ended.value.code == 4
    out = capsys.readouterr().out
    assert "preparation.json.1.columns.rooms.mean: expected " in out
    assert "config.fold_scalings: expected " in out


def test_networks_answer_together_each_by_its_folds_preparation(file, folder, capsys):
    alone = []
    for member in ("fold=0,seed=0", "fold=0,seed=1", "fold=1,seed=0", "fold=1,seed=1"):
        call(predict, folder, file, f"--member={member}")
        alone.append(answers(folder))
        assert "std_price" not in predictions(folder)[0]
    capsys.readouterr()
    call(predict, folder, file)
    assert "the mean of 4 networks: fold=0,seed=0 to fold=1,seed=1" in capsys.readouterr().out
    np.testing.assert_allclose(answers(folder), np.mean(alone, axis=0), rtol=1e-4)
    spread = np.std(alone, axis=0, ddof=1)
    np.testing.assert_allclose(answers(folder, "std_price"), spread, rtol=1e-3, atol=1e-3)
    call(predict, folder, file, "--member=fold=1")
    np.testing.assert_allclose(answers(folder), np.mean(alone[2:], axis=0), rtol=1e-4)


def test_an_answer_is_that_of_the_network_on_its_own_folds_inputs(file, folder):
    """By NumPy alone: what a fold's networks learned is asked of the inputs that fold makes."""
    options = loading.Options(("price",), ignore=("kind", "quiet", "light"), folds=2)
    loaded = loading.load(file, options)
    config = read(folder / "config.json")
    call(predict, folder, file, "--member=fold=1,seed=0")
    first, last = jaxmlp.load_params(folder / "networks" / "fold=1,seed=0.npz")
    inputs = loaded.datasets[1].test_inputs
    outputs = np.maximum(inputs @ first.kernel + first.bias, 0) @ last.kernel + last.bias
    scaling = config["fold_scalings"][1]["output_scaling"]
    expected = outputs[:, 0] * scaling["scale"][0] + scaling["mean"][0]
    np.testing.assert_allclose(answers(folder)[loaded.rows[1].test], expected, rtol=1e-4)


def test_scores_stand_beside_baselines_on_each_folds_rows(file, folder):
    """By the saved networks and scikit-learn's ridge regression, fold by fold."""
    options = loading.Options(("price",), ignore=("kind", "quiet", "light"), folds=2)
    loaded = loading.load(file, options)
    summary = read(folder / "summary.json")
    own, ridge = [], []
    for number, data in enumerate(loaded.datasets):
        scaling = read(folder / "config.json")["fold_scalings"][number]["output_scaling"]
        labels = data.test_labels.reshape(-1)
        for seed in (0, 1):
            path = folder / "networks" / f"fold={number},seed={seed}.npz"
            first, last = jaxmlp.load_params(path)
            hidden = np.maximum(data.test_inputs @ first.kernel + first.bias, 0)
            outputs = (hidden @ last.kernel + last.bias)[:, 0]
            found = outputs * scaling["scale"][0] + scaling["mean"][0]
            own.append(np.abs(found - labels).mean())
        examples = (data.train_inputs, data.train_labels, data.test_inputs, 1)
        found = baselines.fit("regression", *examples).outputs["ridge_regression"][:, 0]
        ridge.append(np.abs(found - labels).mean())
    scores = summary["scores"]
    assert scores["network"]["mae"] == pytest.approx(np.mean(own), rel=1e-4)
    assert scores["ridge_regression"]["mae"] == pytest.approx(np.mean(ridge), rel=1e-4)
    assert list(scores)[:3] == ["network", "ensemble", "mean"]
    (setting,) = summary["settings"]
    ends = scores["network"]["mae_low"], scores["network"]["mae_high"]
    assert ends == pytest.approx((max(setting["low"], 0), setting["high"]), rel=1e-4)
    assert "these 2 folds" in summary["worth"]["text"] or "no better" in summary["worth"]["text"]
    over = "on the rows that each fold tests, means over 2 folds of 2 networks each"
    assert summary["worth"]["over"] == over


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("fold=2", "--member needs fold to be one of 0, 1, got 2"),
        ("l2=1", "--member needs some of fold, seed, got l2"),
        ("seed=x", "--member needs one whole number as seed, got x"),
        ("", "--member needs some of fold, seed, got "),
    ],
)
def test_a_member_that_is_none_is_one_line(file, folder, member, said):
    with pytest.raises(SystemExit, match=f"^error: {said}$"):
        call(predict, folder, file, f"--member={member}")


def test_what_is_missing_of_a_sweep_is_one_line(file, folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "sweep")
    (broken / "networks" / "fold=0,seed=1.npz").unlink()
    with pytest.raises(SystemExit, match=r"needs fold=0,seed=1\.npz in networks/, as --save_netw"):
        call(predict, broken, file)
    call(predict, broken, file, "--member=seed=0")
    prepared = json.loads((broken / "preparation.json").read_text())
    (broken / "preparation.json").write_text(json.dumps(prepared[:1]))
    with pytest.raises(SystemExit, match=r"needs 2 in preparation\.json, got 1"):
        call(predict, broken, file)


def test_a_network_that_is_none_has_no_say(file, folder, tmp_path, capsys):
    broken = shutil.copytree(folder, tmp_path / "sweep")
    for name in ("fold=0,seed=1", "fold=1,seed=1"):
        (first, last) = jaxmlp.load_params(broken / "networks" / f"{name}.npz")
        kernel = np.full_like(last.kernel, np.nan)
        jaxmlp.save_params(
            broken / "networks" / f"{name}.npz", (first, last._replace(kernel=kernel))
        )
    call(predict, broken, file)
    out = capsys.readouterr().out
    assert "fold=0,seed=1 has no say: 4 NaN or infinite in layer_1" in out
    assert "the mean of 2 networks: fold=0,seed=0 to fold=1,seed=0" in out
    with pytest.raises(SystemExit, match="needs a network of finite numbers, got 1 without"):
        call(predict, broken, file, "--member=fold=1,seed=1")


def test_a_sweep_of_a_table_goes_on(folder, capsys):
    call(table, "--resume", f"--workdir={folder}")
    assert "over 2 folds" in capsys.readouterr().out


def test_pictures_and_arrays_are_answered_by_all_networks(tmp_path, capsys):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=random.integers(0, 256, (40, 8, 8), np.uint8), y=[0, 1] * 20)
    call(
        *(sweep, f"--dataset={tmp_path / 'd.npz'}", *SETTINGS, "--save_networks"),
        *("--seeds=0:2", "--sweep=hidden_sizes=3,4", f"--workdir={tmp_path / 's'}"),
    )
    ink = np.zeros((80, 80), np.uint8)
    ink[20:60, 36:44] = 255
    Image.fromarray(ink).save(tmp_path / "one.png")
    call(predict, tmp_path / "s", tmp_path / "one.png")
    (row,) = predictions(tmp_path / "s")
    assert float(row["p0"]) + float(row["p1"]) == pytest.approx(1, abs=1e-5)
    assert row["agree"] in ("0.2500", "0.5000", "0.7500", "1.0000")
    assert (tmp_path / "s" / "plots" / "predictions.png").exists()
    call(predict, tmp_path / "s", tmp_path / "d.npz", "--member=hidden_sizes=3")
    assert "the mean of 2 networks: hidden_sizes=3,seed=0 to" in capsys.readouterr().out
    assert len(predictions(tmp_path / "s")) == 40
    with pytest.raises(SystemExit, match=r"^error: --member needs hidden_sizes to be one of 3, 4"):
        call(predict, tmp_path / "s", tmp_path / "d.npz", "--member=hidden_sizes=5")
