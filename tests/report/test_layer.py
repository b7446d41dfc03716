import base64

import numpy as np
from report_subjects import subject

from experiments.report import layer


def test_units_are_in_the_order_of_their_norms(tmp_path):
    made = subject(tmp_path)
    kernel = np.asarray(made.params[0].kernel)
    found = layer.of(made)
    assert found["units"] == np.argsort(-np.linalg.norm(kernel, axis=0)).tolist()
    np.testing.assert_allclose(found["norms"], np.linalg.norm(kernel, axis=0)[found["units"]])
    weights = np.frombuffer(base64.b64decode(found["weights"]), np.uint8).reshape(5, 6)
    drawn = (weights - 128.0) / 127 * found["limit"]
    np.testing.assert_allclose(drawn, kernel.T[found["units"]], atol=found["limit"] / 100)
    assert found["num_units"] == 5


def test_what_is_no_picture_has_none(tmp_path):
    assert layer.of(subject(tmp_path, image_shape=None)) is None


def test_no_more_units_than_there_is_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr(layer, "BYTES", 12)
    assert len(layer.of(subject(tmp_path))["units"]) == 2
    monkeypatch.setattr(layer, "UNITS", 1)
    assert len(layer.of(subject(tmp_path))["units"]) == 1
