import shlex
from pathlib import Path

import pytest
from report_subjects import subject

from experiments.report import commands


def texts(path, **config):
    made = subject(Path(path))
    made = made._replace(job=made.job._replace(config=made.job.config | config))
    return [each["command"] for each in commands.of(made)]


def test_each_command_names_the_folder():
    assert texts("runs/one") == [
        "python -m experiments.verify runs/one",
        "python -m experiments.mnist --resume --num_epochs=4 --workdir=runs/one",
        "python -m experiments.predict runs/one digit.png",
        "python -m experiments.report runs/one",
    ]


@pytest.mark.parametrize(
    ("task", "image_shape", "table", "what"),
    [
        ("binary", (2, 3), {}, "digit.png"),
        ("multilabel", (2, 3), {}, "digit.png"),
        ("regression", (2, 3), {}, "more.npz"),  # a picture gets no value
        ("classification", None, {}, "more.npz"),
        ("regression", None, {"table": {}}, "more.csv"),
    ],
)
def test_what_it_is_asked_about_is_what_predict_takes(task, image_shape, table, what):
    made = subject(Path("one"), task, image_shape=image_shape)
    made = made._replace(job=made.job._replace(config={**made.job.config, **table}))
    assert commands.predict(made.job) == f"python -m experiments.predict one {what}"


def test_a_folder_is_one_word_whatever_its_name():
    path = "my $(run)'s; rm `x`"
    for text in texts(path):
        words = shlex.split(text)
        assert path in words or f"--workdir={path}" in words
    assert texts("-rf")[0].endswith(" ./-rf")


def test_a_schedule_s_length_stays_and_a_table_has_its_own_program():
    assert not any("--resume" in text for text in texts("one", schedule="cosine"))
    found = texts("one", table={"target": ["y"]})
    assert found[1].startswith("python -m experiments.table --resume ")


def test_pixels_that_no_file_has_are_in_arrays():
    assert texts("one", white=255.0)[2].endswith(" digit.png")
    assert texts("one", white=None)[2].endswith(" more.npz")
