import numpy as np
import pytest
from sklearn import datasets

from experiments.data.idx import DataError
from experiments.data.tables.loading import Options, load, prepare_rows

BUNDLED = {  # rows, inputs, classes, test rows
    "breast_cancer": (569, 30, ("benign", "malignant"), 113),
    "wine": (178, 13, ("class_0", "class_1", "class_2"), 35),
    "diabetes": (442, 10, (), 88),
    "iris": (150, 4, ("setosa", "versicolor", "virginica"), 30),
    "digits": (1797, 61, (), 359),
}


def written(path, name):
    found = getattr(datasets, f"load_{name}")()
    target = found.target
    if name in ("breast_cancer", "wine", "iris"):
        target = np.array(found.target_names)[target]
    lines = [",".join([*found.feature_names, "target"])]
    lines += [
        ",".join([*map(repr, row), str(label)])
        for row, label in zip(found.data.tolist(), target, strict=True)
    ]
    path.write_text("\n".join(lines))
    return found


@pytest.mark.parametrize("name", BUNDLED)
def test_well_known_data_load_with_nothing_but_the_target(tmp_path, name):
    rows, inputs, class_names, tested = BUNDLED[name]
    path = tmp_path / f"{name}.csv"
    written(path, name)
    loaded = load(path, Options(("target",)))
    (data,) = loaded.datasets
    assert data.train_inputs.shape == (rows - tested, inputs)
    assert data.test_inputs.shape == (tested, inputs)
    assert data.class_names == class_names
    assert data.name == str(path)
    assert len(loaded.findings) <= 3
    assert loaded.task == ("regression" if name == "diabetes" else "classification")
    np.testing.assert_allclose(data.train_inputs.mean(axis=0), 0, atol=1e-5)
    deviations = data.train_inputs.std(axis=0)
    np.testing.assert_allclose(deviations[deviations > 0], 1, atol=2e-5)
    again = prepare_rows(path, loaded.preparations[0])
    np.testing.assert_array_equal(again.inputs[loaded.rows[0].test], data.test_inputs)
    np.testing.assert_array_equal(again.labels[loaded.rows[0].train], data.train_labels)
    with pytest.raises(DataError, match="--target needs one of .*, got nothing"):
        load(path, Options())
