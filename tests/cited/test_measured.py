"""A record says of each network what the network itself says, and nothing of another one."""

import json
import shutil

import numpy as np
import pytest
from cited_books import COMMANDS

from experiments.cited import measured

SMALL, FASTER = COMMANDS


@pytest.fixture(scope="session")
def records(folders, data):
    return {each.id: measured.make(each, folders / each.id, data) for each in COMMANDS}


def answers_of(path, inputs):
    """Probabilities by NumPy alone, from the file of a network with a hidden layer."""
    kept = np.load(path)
    names = sorted(name for name in kept if name != "sha256")
    (b0, w0), (b1, w1) = ([kept[name] for name in names[i : i + 2]] for i in (0, 2))
    logits = np.maximum(inputs @ w0 + b0, 0) @ w1 + b1
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def test_the_examples_that_each_network_gets_wrong(folders, data, records):
    for name, record in records.items():
        for seed, wrong, errors in zip(
            record["seeds"], record["wrong"], record["errors"], strict=True
        ):
            outputs = answers_of(folders / name / "networks" / f"seed={seed}.npz", data.test_inputs)
            assert wrong == np.flatnonzero(outputs.argmax(axis=1) != data.test_labels).tolist()
            assert errors == len(wrong)
    assert records["small"]["errors"] != records["faster"]["errors"]


def test_the_receipt_is_the_folders_own(folders, data, records):
    record, folder = records["faster"], folders / "faster"
    summary = json.loads((folder / "summary.json").read_text())
    runs = np.load(folder / "runs.npz")
    made = json.loads((folder / "environment.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert record["all_params_sha256"] == summary["params_sha256"]
    assert record["params_sha256"] == runs["params_sha256"].tolist()
    assert record["environment"]["versions"] == made["versions"]
    assert record["environment"]["processor"] == made["processor"]
    assert record["train_seconds"] == pytest.approx(sum(e["seconds"] for e in lines), abs=0.06)
    assert {name: record[name] for name in ("id", "seeds", "num_test", "sizes", "dataset")} == {
        "id": "faster",
        "seeds": [0, 1, 2],
        "num_test": 359,
        "sizes": [64, 16, 10],
        "dataset": "digits",
    }
    assert record["command"].endswith("--save_networks --learning_rate=0.01")
    assert record["settings"]["learning_rate"] == 0.01
    assert record["data_sha256"] == data.sha256


def test_what_the_networks_say_together(folders, data, records):
    assert "together" not in records["small"]
    found = records["faster"]["together"]
    each = [
        answers_of(folders / "faster" / "networks" / f"seed={seed}.npz", data.test_inputs)
        for seed in range(3)
    ]
    guesses = [outputs.argmax(axis=1) for outputs in each]
    wrong = np.flatnonzero(np.mean(each, axis=0).argmax(axis=1) != data.test_labels)
    assert found["wrong"] == wrong.tolist()
    scores = found["scores"]
    assert scores["together"]["accuracy"] == pytest.approx(1 - len(wrong) / 359, abs=1e-6)
    assert scores["one"]["accuracy"] == pytest.approx(
        1 - np.mean(records["faster"]["errors"]) / 359, abs=1e-6
    )
    labels = np.arange(359), data.test_labels
    assert scores["together"]["log_loss"] == pytest.approx(
        -np.log(np.mean(each, axis=0)[labels]).mean(), rel=1e-4
    )
    assert found["confidence"] == {
        "one": pytest.approx(np.mean([outputs.max(axis=1) for outputs in each]), rel=1e-4),
        "all": pytest.approx(np.mean(each, axis=0).max(axis=1).mean(), rel=1e-4),
    }
    pairs = [(guesses[i] != guesses[j]).mean() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert scores["disagreement"] == pytest.approx(np.mean(pairs), rel=1e-5)
    disputed = np.ptp(guesses, axis=0).astype(bool).mean()
    assert scores["not_unanimous"] == pytest.approx(disputed, rel=1e-5)


@pytest.fixture
def folder(folders, tmp_path):
    """A copy of one, to be tampered with."""
    return shutil.copytree(folders / "small", tmp_path / "small")


def test_networks_that_are_not_the_trained_ones_are_refused(folder, folders, data):
    networks = folder / "networks"
    shutil.copy(networks / "seed=1.npz", networks / "seed=0.npz")
    with pytest.raises(ValueError, match=r"needs a network \w{64} of seed 0, got \w{64}$"):
        measured.make(SMALL, folder, data)


def with_more_errors(folder, precision, more, platform="cpu"):
    """The folder of a sweep in an arithmetic that says of each network more errors than it made."""
    for name, change in (
        ("config.json", {"precision": precision}),
        ("environment.json", {"platform": platform}),
    ):
        record = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**record, **change}))
    kept = dict(np.load(folder / "runs.npz"))
    kept["history/test_accuracy"] = kept["history/test_accuracy"] - np.float32(more / 359)
    np.savez(folder / "runs.npz", **kept)


@pytest.mark.parametrize(("precision", "platform"), [("bfloat16", "cpu"), ("float32", "gpu")])
def test_where_bits_differ_an_image_on_the_edge_counts_as_it_is_answered_now(
    folder, data, precision, platform
):
    expected = measured.make(SMALL, folder, data)
    with_more_errors(folder, precision, 1, platform)
    found = measured.make(SMALL, folder, data)
    assert (found["errors"], found["wrong"]) == (expected["errors"], expected["wrong"])


@pytest.mark.parametrize(("precision", "more"), [("float32", 1), ("bfloat16", 4)])
def test_errors_that_the_networks_do_not_make_are_refused(folder, data, precision, more):
    expected = measured.make(SMALL, folder, data)["errors"]
    with_more_errors(folder, precision, more)
    said = f"needs networks with errors \\[{expected[0] + more}, .*, got "
    with pytest.raises(ValueError, match=said):
        measured.make(SMALL, folder, data)


def test_other_data_and_other_axes_are_refused(folder, data):
    with pytest.raises(ValueError, match=f"needs data {data.sha256}, got other"):
        measured.make(SMALL, folder, data._replace(sha256="other"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "sweep": ["l2=0.0,0.1"]}))
    with pytest.raises(ValueError, match="needs a sweep over seeds alone, got axes l2, seed"):
        measured.make(SMALL, folder, data)


def test_a_record_comes_back_a_field_a_line_and_is_of_its_command_alone(records, tmp_path):
    for record in records.values():
        path = measured.write(tmp_path / "results", record)
        assert path == tmp_path / "results" / f"{record['id']}.json"
        assert len(path.read_text().splitlines()) == len(record) + 2
    assert measured.read(tmp_path / "results", "small") == records["small"]
    assert measured.read(tmp_path / "results", "other") is None
    assert measured.odd(SMALL, records["small"]) == ""
    assert measured.odd(FASTER, records["small"]).startswith("command: expected python -m")
    changed = {**records["small"], "settings": {**records["small"]["settings"], "num_epochs": 9}}
    assert measured.odd(SMALL, changed) == "settings.num_epochs: expected 2, got 9"


def test_what_was_left_out_has_its_reason_and_no_figures():
    record = measured.left_out(SMALL)
    assert record.keys() == {"id", "command", "left_out"}
    assert record["left_out"] == "its data were not to be had where the others were run"
    assert measured.odd(SMALL, record) == ""
