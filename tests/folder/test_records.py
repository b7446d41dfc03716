"""How the records in a folder are read."""

import json
import os

import pytest
from programs import command_line

from experiments.app import config as configs
from experiments.app import settings
from experiments.app.fields import RESULT
from experiments.app.recipes import CHOICES
from experiments.folder import records, schema
from experiments.folder.schema import Fields, check

SHA = "5" * 64
ANY = Fields({})


@pytest.fixture(scope="module")
def config(blobs):
    with command_line("--hidden_sizes=8,4"):
        data = blobs._replace(name="/data/blobs.npz", sha256=SHA, num_classes=3)
        return configs.complete(configs.decisive(configs.read()), data)


def write(path, record):
    path.write_text(record if isinstance(record, str) else json.dumps(record))
    return path


def test_the_config_that_flags_make_is_one(config, blobs, tmp_path):
    assert records.read_config(write(tmp_path / "config.json", config)) == config
    with command_line("--hidden_sizes=8,4"):
        data = blobs._replace(name="/data/blobs.npz", sha256=SHA, num_classes=3)
        swept = configs.make_sweep(configs.read(), data, None)
    assert records.read_config(write(tmp_path / "config.json", swept)) == swept


def test_what_a_sweep_from_before_some_settings_was_given_is_filled_too(blobs, tmp_path):
    with command_line("--hidden_sizes=8,4"):
        data = blobs._replace(name="/data/blobs.npz", sha256=SHA, num_classes=3)
        now = configs.make_sweep(configs.read(), data, None)
    before = {name: value for name, value in now.items() if name not in records.LATER}
    given = {name: value for name, value in now["given"].items() if name not in records.LATER}
    found = records.read_config(write(tmp_path / "config.json", {**before, "given": given}))
    assert found == now | {"given": now["given"] | {"task": "classification"}}


def test_the_mode_of_a_sweep_from_before_runs_had_one_is_that_which_it_was_given(blobs, tmp_path):
    with command_line("--hidden_sizes=8,4", "--mode=fast"):
        data = blobs._replace(name="/data/blobs.npz", sha256=SHA, num_classes=3)
        now = configs.make_sweep(configs.read(), data, None)
    given = {name: value for name, value in now["given"].items() if name not in ("mode", "mesh")}
    before = {name: value for name, value in now.items() if name != "mesh"} | {"given": given}
    found = records.read_config(write(tmp_path / "config.json", before))
    assert found == now
    with command_line():
        assert configs.read(found).mode == "fast"


def test_every_flag_that_decides_a_result_has_a_kind():
    assert {*settings.names_of(RESULT), "data_dir"} == records.SETTINGS.keys()


@pytest.mark.parametrize("setting", CHOICES)
def test_a_setting_takes_every_name_that_its_flag_takes(config, setting):
    for name in CHOICES[setting]:
        check({**config, setting: name}, records.CONFIG, "config.json")
    for name in ("__doc__", "__all__", "with_decay", "", None, 1):
        with pytest.raises(ValueError, match=f"config.json needs one of .* as {setting}, got"):
            check({**config, setting: name}, records.CONFIG, "config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [4, 8, 3]}, r"needs sizes with the hidden_sizes \[8, 4\] inside, got \[4, 8, 3"),
        ({"sizes": [3]}, "needs sizes with the hidden_sizes"),
        ({"image_shape": [2, 3]}, r"needs an image_shape of 4 pixels, got \[2, 3\]"),
        ({"image_shape": [10**5, 10**5]}, r"needs an image_shape of 4 pixels, got"),
        (
            {"image_shape": [4]},
            "needs a height and a width, and 3 where there is colour,? or null as",
        ),
        ({"image_shape": [2, 2, 4]}, "needs a height and a width, and 3 where there is colour"),
        ({"image_shape": [2, 2, 3]}, r"needs an image_shape of 4 pixels, got \[2, 2, 3\]"),
        ({"sizes": [4, 8, 10**11, 3]}, r"as sizes\[2\], got 100000000000"),
        ({"learning_rate": 1e39}, "as learning_rate, got 1e[+]39"),
        ({"num_epochs": None}, "as num_epochs, got None"),
        ({"dataset": "auto"}, "as dataset, got 'auto'"),
        ({"dataset": "../blobs.npz"}, "as dataset"),
        ({"dataset": "~nosuchuser/blobs.npz"}, "as dataset"),
        ({"dataset": "/etc/passwd"}, "as dataset"),
        ({"dataset": "/a\n.npz"}, "as dataset"),
        ({"data_dir": "here"}, "needs a path from the root or null as data_dir"),
        ({"seed": 2**32}, "as seed"),
        ({"validation_fraction": 1}, "as validation_fraction"),
        ({"task": "auto"}, "as task, got 'auto'"),
        ({"class_names": ["a"]}, "needs class_names of 3 outputs, got 1"),
        ({"class_names": [1, 2, 3]}, "as class_names"),
        (
            {"input_scaling": {"mean": [0.0] * 3, "scale": [1.0] * 3}},
            "needs input_scaling with 4 columns, got 3",
        ),
        (
            {"output_scaling": {"mean": [0.0], "scale": [1.0]}},
            "needs output_scaling with 3 columns, got 1",
        ),
        (
            {"output_scaling": {"mean": [0.0] * 3, "scale": [1.0, 0.0, 1.0]}},
            "needs a mean and a scale above 0 for each column",
        ),
        ({"output_scaling": {"mean": [0.0] * 3, "scale": [1.0]}}, "needs a mean and a scale"),
        ({"table": []}, "needs an object as table"),
        ({"table": {"target": [1]}}, r"needs a text as table\.target\[0\], got 1"),
        ({"table": {}}, r"needs the field table\.target"),
    ],
)
def test_a_config_that_no_flags_make_is_refused(config, change, message, tmp_path):
    with pytest.raises(ValueError, match=rf"config\.json (.* )?{message}") as refused:
        records.read_config(write(tmp_path / "config.json", {**config, **change}))
    assert "\n" not in str(refused.value)


def test_what_is_no_file_is_no_record(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "text").write_bytes(b'{"a": "\xff"}')
    for name, got in [
        *(("pipe", "no regular file"), ("folder", "a folder"), ("link", "no regular file")),
        *(("none", "no such file"), ("text", "can't decode byte 0xff")),
    ]:
        with pytest.raises(ValueError, match=f"{name} needs to be a run's record: .*{got}"):
            schema.read(tmp_path / name, ANY)
    monkeypatch.setattr(schema, "LIMIT", 10)
    with pytest.raises(ValueError, match="expected at most 10 bytes, got 12"):
        schema.read(write(tmp_path / "long", '{"a": 12345}'), ANY)


def test_a_line_that_was_cut_short_is_none(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert schema.read_lines(path, records.LINE) == []
    path.write_text('{"epoch": 1, "test_loss": null}\n{"epoch": 2}\n{"epoch"')
    lines = schema.read_lines(path, records.LINE)
    assert lines == [{"epoch": 1, "test_loss": None}, {"epoch": 2}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "line 2: Expecting value"),
        ("[1]", "line 2 needs an object, got a list"),
        ('{"epoch": 0}', "line 2 needs a whole number .* as epoch, got 0"),
        (
            '{"epoch": 2, "test_accuracy": 1.5}',
            "line 2 needs a number .* as test_accuracy, got 1.5",
        ),
        ('{"epoch": 2, "test_loss": NaN}', "line 2: expected finite numbers"),
    ],
)
def test_another_line_is_refused_by_its_number(tmp_path, line, message):
    path = write(tmp_path / "metrics.jsonl", f'{{"epoch": 1}}\n{line}\n{{"epoch": 3}}\n')
    with pytest.raises(ValueError, match=f"needs a record a line: {message}"):
        schema.read_lines(path, records.LINE)
