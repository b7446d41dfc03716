"""What a command means is what the sweep takes it for, and folders are held against it."""

import shutil

import pytest
from absl import flags, logging
from cited_books import FASTER, SMALL
from programs import command_line

from experiments.cited import asked


def test_what_decides_is_what_is_not_the_default():
    assert asked.decisive(FASTER) == {
        "hidden_sizes": [16],
        "learning_rate": 0.01,
        "num_epochs": 2,
        "seeds": "0:3",
    }
    assert asked.decisive(["--num_epochs=4", "--seeds=0:8", "--optimizer=adam"]) == {
        "num_epochs": 4
    }


def test_the_flags_are_left_as_if_none_had_been_given():
    with command_line("--num_epochs=7"):
        level = logging.get_verbosity()
        logging.set_verbosity(logging.FATAL)
        try:
            assert asked.settings_of(SMALL).num_epochs == 2
            assert logging.get_verbosity() == logging.FATAL
            assert flags.FLAGS.is_parsed()
            assert flags.FLAGS.num_epochs is None
        finally:
            logging.set_verbosity(level)
    asked.settings_of(SMALL)
    assert not flags.FLAGS.is_parsed()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no_such=1"], "flags of experiments.sweep: Unknown command line flag 'no_such'"),
        (["--num_epochs=none"], "flags of experiments.sweep: .*num_epochs"),
        (["mnist"], "a command needs flags only, got mnist"),
        (["--seed=1"], "expected --seeds=1, got --seed=1"),
    ],
)
def test_words_that_are_no_command_are_refused(words, said):
    with pytest.raises(ValueError, match=said):
        asked.settings_of(words)


def test_a_folder_is_of_its_own_command_alone(folders, tmp_path):
    asked.check(folders / "small", SMALL)
    asked.check(folders / "small", [*SMALL[::-1], "--checkpoint_every=0"])  # which decides nothing
    with pytest.raises(ValueError, match="another: learning_rate: expected 0.01, got None$"):
        asked.check(folders / "small", FASTER)
    with pytest.raises(ValueError, match="another: seeds: expected 0:4, got 0:3$"):
        asked.check(folders / "small", [*SMALL, "--seeds=0:4"])
    with pytest.raises(ValueError, match="another: dataset: expected mnist, got digits$"):
        asked.check(folders / "small", [*SMALL, "--dataset=mnist"])


def test_a_folder_is_absent_begun_or_complete(folders, tmp_path):
    folder = tmp_path / "small"
    assert asked.state_of(folder) == asked.ABSENT
    folder.mkdir()
    assert asked.state_of(folder) == asked.ABSENT
    shutil.copytree(folders / "small", folder, dirs_exist_ok=True)
    assert asked.state_of(folder) == asked.COMPLETE
    (folder / "summary.json").unlink()
    assert asked.state_of(folder) == asked.BEGUN
