import sys

import pytest
from run_files import scalars

from experiments.app.board import Board, package

pytest.importorskip("tensorboardX")


def test_each_epoch_has_its_metrics(tmp_path):
    board = Board(tmp_path / "tensorboard")
    for epoch in (1, 2):
        board.append(epoch, {"train_loss": 0.5 / epoch, "test_accuracy": 0.25})
        board.flush()
    board.close()
    assert scalars(tmp_path / "tensorboard") == [
        *(("train_loss", 1, 0.5), ("test_accuracy", 1, 0.25)),
        *(("train_loss", 2, 0.25), ("test_accuracy", 2, 0.25)),
    ]


def test_epochs_that_find_no_room_wait_for_it(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    board, failed = Board(tmp_path / "tensorboard"), 0
    for epoch in range(1, 301):
        if epoch == 20:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        if epoch == 290:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        board.append(epoch, {"train_loss": 1.0})
        try:
            board.flush()
        except OSError:
            failed += 1
    board.close()
    assert failed > 200
    expected = [("train_loss", epoch, 1.0) for epoch in range(1, 301)]
    assert scalars(tmp_path / "tensorboard") == expected


def test_a_board_that_is_never_used_leaves_nothing(tmp_path):
    Board(tmp_path / "tensorboard").close()
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_that_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ValueError, match="--tensorboard needs the package tensorboardX, got none"):
        package()
