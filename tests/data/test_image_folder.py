import shutil

import numpy as np
import pytest
from PIL import Image

from experiments.data import image_folder, own, sources
from experiments.data.idx import DataError


def save(path, value=0, size=(3, 2)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(value, int) else "RGB", size, value).save(path)


def fill(folder, classes, count=5):
    """A picture of each number, so that it is known again."""
    for place, name in enumerate(classes):
        for i in range(count):
            save(folder / name / f"{i}.png", 10 * place + i)
    return folder


def test_a_folder_for_each_class_in_the_order_of_their_numbers(tmp_path):
    fill(tmp_path, ["10", "9", "a"])
    found = image_folder.read(tmp_path)
    assert found.class_names == ("9", "10", "a")
    assert found.arrays["x"].shape == (15, 2, 3)
    assert found.arrays["x"][:, 0, 0].tolist() == [*range(10, 15), *range(5), *range(20, 25)]
    assert found.arrays["y"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert found.arrays["y"].dtype == np.int32
    assert found.notes == ("3 classes: 9, 10, a",)


def test_sets_have_folders_of_their_own(tmp_path):
    fill(tmp_path / "Train", ["a", "b"], 3)
    fill(tmp_path / "val", ["b"], 2)
    fill(tmp_path / "test", ["a", "b"], 1)
    found = image_folder.read(tmp_path)
    assert [*found.arrays] == [
        *("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test"),
    ]
    assert found.arrays["x_validation"][:, 0, 0].tolist() == [0, 1]
    assert found.arrays["y_validation"].tolist() == [1, 1]
    data = sources.load(str(tmp_path))
    assert [each.shape for each in data[:6:2]] == [(6, 6), (2, 6), (2, 6)]
    assert (data.num_classes, data.class_names) == (2, ("a", "b"))
    assert data.image_shape == (2, 3)
    assert own.image_size(data) == "2x3"
    with pytest.raises(DataError, match="one validation set, got a fraction of 0.5 and 2 examples"):
        sources.hold_out(data, 0.5)
    before = data.sha256
    save(tmp_path / "val" / "b" / "0.png", 77)
    assert sources.load(str(tmp_path)).sha256 != before


def test_without_a_test_set_validation_is_one_with_a_word_and_alone_it_is_divided(tmp_path):
    fill(tmp_path / "train", ["a", "b"])
    assert {*image_folder.read(tmp_path).arrays} == {"x", "y"}
    fill(tmp_path / "valid", ["a", "b"], 1)
    found = image_folder.read(tmp_path)
    assert {*found.arrays} == {"x_train", "y_train", "x_test", "y_test"}
    assert found.notes[1] == "no folder test: valid is taken for testing"


def test_what_is_no_picture_of_a_class_is_left_out_and_said(tmp_path):
    fill(tmp_path, ["a", "b"])
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "a" / ".hidden.png").write_bytes(b"x")
    (tmp_path / "b" / "more").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.txt").write_text("x")
    save(tmp_path / "stray.png")
    found = image_folder.read(tmp_path)
    assert len(found.arrays["x"]) == 10
    assert found.notes[1] == (
        "left out 5 that are no pictures of a class: README.txt, stray.png, a/.hidden.png, "
        "a/Thumbs.db, b/more"
    )


def test_pictures_and_folders_may_be_links_and_endings_large(tmp_path):
    fill(tmp_path / "there", ["a", "b"])
    (tmp_path / "here" / "x").mkdir(parents=True)
    (tmp_path / "here" / "y").symlink_to(tmp_path / "there" / "b")
    (tmp_path / "here" / "x" / "1.PNG").symlink_to(tmp_path / "there" / "a" / "0.png")
    assert len(image_folder.read(tmp_path / "here").arrays["x"]) == 6


def test_data_are_the_same_wherever_they_lie_and_are_divided_by_class(tmp_path):
    data = sources.load(str(fill(tmp_path / "one", ["a", "b"], 10)))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    again = sources.load(f"{tmp_path / 'two'}/")
    assert again.sha256 == data.sha256
    assert np.bincount(data.train_labels).tolist() == [8, 8]
    assert np.bincount(data.test_labels).tolist() == [2, 2]
    assert data.source == f"the pictures in {tmp_path / 'one'}"
    assert data.name == f"{tmp_path / 'one'}/"
    said = []
    small = sources.load(str(tmp_path / "one"), image_size=(1, 1), say=said.append)
    assert (small.image_shape, small.train_inputs.shape) == ((1, 1), (16, 1))
    assert said == ["2 classes: a, b", "pictures of 2x3 are brought to 1x1"]


def test_colour_has_three_channels(tmp_path):
    fill(tmp_path, ["a", "b"])
    save(tmp_path / "a" / "0.png", (1, 2, 3))
    data = sources.load(str(tmp_path), task="binary")
    assert (data.image_shape, data.train_inputs.shape) == ((2, 3, 3), (8, 18))


def damaged(folder):
    path = folder / "b" / "0.png"
    path.write_bytes(path.read_bytes()[:-26])


def bomb(folder):
    Image.new("1", (10_000, 10_000)).save(folder / "b" / "0.png")


BAD = {
    "no class": (lambda f: [shutil.rmtree(f / n) for n in "ab"] + [save(f / "c.png")], "in no fol"),
    "one class": (lambda f: shutil.rmtree(f / "a"), "two classes or more, got b alone"),
    "an empty class": (
        lambda f: (f / "c").mkdir(),
        "c: expected pictures of the class c, got none",
    ),
    "a class of texts": (
        lambda f: (f / "c").mkdir() or (f / "c" / "a.txt").touch(),
        "class c, got",
    ),
    "damaged": (damaged, "b/0.png: expected an undamaged picture, got"),
    "empty": (lambda f: (f / "b" / "0.png").write_bytes(b""), "0.png: expected a picture"),
    "a bomb": (bomb, "b/0.png: expected at most [0-9,]+ pixels, got more"),
    "another size": (lambda f: save(f / "b" / "9.png", 0, (4, 4)), "--image_size=2x3 mends it"),
    "a broken link": (lambda f: (f / "a" / "z.jpg").symlink_to("no"), "z.jpg: .* no such file"),
    "train beside": (
        lambda f: fill(f / "train", "ab"),
        "or a folder for each class, got a, b besi",
    ),
    "a name": (lambda f: (f / "a").rename(f / "a\nb"), "names of classes that print, got 'a"),
    "a link to itself": (lambda f: (f / "c").symlink_to(f), "class c, got none"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_folder_gets_one_line(tmp_path, kind):
    make, message = BAD[kind]
    make(fill(tmp_path, ["a", "b"]))
    with pytest.raises(ValueError, match=message) as caught:
        sources.load(str(tmp_path))
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value).replace("a\nb", "")


BAD_SETS = {
    "a class of test alone": (["a", "b"], ["a", "c"], "expected the classes of the .*, got c too"),
    "an empty test": (["a", "b"], [], "test: expected pictures, got none"),
}


@pytest.mark.parametrize("kind", BAD_SETS)
def test_bad_sets_get_one_line(tmp_path, kind):
    train, test, message = BAD_SETS[kind]
    fill(tmp_path / "train", train)
    (tmp_path / "test").mkdir()
    fill(tmp_path / "test", test)
    with pytest.raises(DataError, match=message):
        image_folder.read(tmp_path)


def test_sets_that_cannot_be_told_are_refused(tmp_path):
    fill(tmp_path / "test", ["a", "b"])
    with pytest.raises(DataError, match="expected a folder train, got test alone"):
        image_folder.read(tmp_path)
    fill(tmp_path / "train", ["a", "b"])
    fill(tmp_path / "training", ["a", "b"])
    with pytest.raises(DataError, match="one folder of a set for train, got train and training"):
        image_folder.read(tmp_path)


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_folders_are_classes(tmp_path, task):
    with pytest.raises(DataError, match="--task needs classification for a folder of pictures"):
        own.read(fill(tmp_path, ["a", "b"]), task=task)


def test_a_size_is_for_pictures_and_tables_come_first(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((5, 2)), y=np.zeros(5, int))
    with pytest.raises(DataError, match="--image_size needs a folder of pictures, got another"):
        own.read(tmp_path / "a.npz", image_size=(2, 2))
    fill(tmp_path, ["a", "b"])
    np.save(tmp_path / "x_train.npy", np.zeros((5, 2)))
    with pytest.raises(DataError, match=r"expected the files x_train.npy"):
        own.read(tmp_path)
