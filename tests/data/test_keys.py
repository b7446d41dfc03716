import pytest

from experiments.data import keys
from experiments.data.idx import DataError

SPLIT = ["x_train", "y_train", "x_test", "y_test"]


@pytest.mark.parametrize(
    "names",
    [
        SPLIT,  # Keras
        ["X_train", "Y_train", "X_test", "Y_test"],
        ["train_images", "train_labels", "test_images", "test_labels"],
        ["trainX", "trainY", "testX", "testY"],
        ["train_x", "train_y", "test_x", "test_y"],
        ["features_train", "target_train", "features_test", "target_test"],
        ["training-data", "training-targets", "testing-data", "testing-targets"],
    ],
)
def test_four_arrays_by_their_usual_names(names):
    found = keys.find([*reversed(names), "val_images", "notes"], "a.npz")
    assert found == dict(zip(SPLIT, names, strict=True))


@pytest.mark.parametrize("x", ["x", "X", "images", "image", "data", "inputs", "features"])
@pytest.mark.parametrize("y", ["y", "Y", "labels", "label", "target", "targets"])
def test_two_arrays_by_their_usual_names(x, y):
    assert keys.find([y, x, "class_names"], "a.npz") == {"x": x, "y": y}


def test_exact_names_come_before_others():
    assert keys.find(["x", "X", "images", "y", "Y"], "a.npz") == {"x": "x", "y": "y"}
    assert keys.find(["x", "y", *SPLIT, "images"], "a.npz")["x_train"] == "x_train"
    assert keys.find(["train_x", "train_y", "test_x", "test_y", "x", "y"], "a")["x"] == "x"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["X", "images", "y"], "a.npz: expected one array of inputs, x, got X and images, of X, "),
        (
            ["X", "y", "target"],
            "expected one array of labels, y, got y and target, of X, y, target",
        ),
        (
            ["train_x", "x_train", "y_train", "x_test", "y_test_"],
            "x_train, got train_x and x_train",
        ),
        ([], "expected the arrays x_train, y_train, x_test, y_test or x, y, got none"),
        (["x"], "x_test, y_test or x, y, got x$"),
        (["x_train", "y_train", "x_test"], "or x, y, got x_train, y_train, x_test$"),
        (["train", "test"], "got train, test$"),
        ([f"a{i}" for i in range(20)], "got a0, .*, a11, ...$"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_is_there(names, message):
    with pytest.raises(DataError, match=message):
        keys.find(names, "a.npz")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["X", "Y"], {"x": "X", "y": "Y"}),
        (["x", "y", "x_test", "y_test"], {"x": "x", "y": "y"}),
        (SPLIT, {"x": "x_test", "y": "y_test"}),
        (["images"], {"x": "images"}),
        (["test_images"], {"x": "test_images"}),
    ],
)
def test_what_is_to_be_answered(names, found):
    assert keys.find_to_predict(names, "a.npz") == found


def test_names_of_classes_and_files():
    assert keys.class_names_of(["x", "target_names", "ClassNames"]) == [
        "ClassNames",
        "target_names",
    ]
    assert keys.files_of(["train_x", "other", "y_test", "x"]) == ["train_x", "y_test"]
