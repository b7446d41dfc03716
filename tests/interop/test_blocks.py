import numpy as np
import pytest
from foreign_networks import MODELS, params_of

from jaxmlp.interop.blocks import Block, as_array, blocks_of, network_of


def test_a_layer_before_a_norm_has_a_bias_of_zeros():
    first, *_, last = blocks_of("test", MODELS["batch"], params_of("batch"))
    assert list(first.arrays) == ["kernel", "bias", "scale", "shift", "mean", "var"]
    assert not first.arrays["bias"].any()
    layer = params_of("batch").trained[0]
    np.testing.assert_array_equal(first.arrays["shift"], layer.bias)
    np.testing.assert_array_equal(first.arrays["scale"], layer.scale)
    assert list(last.arrays) == ["kernel", "bias"]


def test_scalings_are_folded_by_the_formulas():
    scaling = MODELS["standardized"].architecture.input_scaling
    mean, scale = np.float64(scaling.mean), np.float64(scaling.scale)
    blocks = blocks_of("test", MODELS["standardized"], params_of("standardized"))
    first, *_, last = params_of("standardized")
    kernel = np.float64(first.kernel) / scale[:, None]
    np.testing.assert_allclose(blocks[0].arrays["kernel"], kernel, rtol=1e-7)
    np.testing.assert_allclose(blocks[0].arrays["bias"], first.bias - mean @ kernel, rtol=1e-6)
    np.testing.assert_allclose(blocks[-1].arrays["kernel"], last.kernel * 3, rtol=1e-6)
    np.testing.assert_allclose(blocks[-1].arrays["bias"], last.bias * 3 + 5, rtol=1e-6)


def test_layers_make_the_network_of_their_widths():
    arrays = {"kernel": np.ones((2, 3), np.float32)}
    model, params = network_of([Block(arrays, {})], None)
    assert model.architecture.sizes == (2, 3)
    assert params[0].bias.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float64, int, bool, complex, object])
def test_only_floats_that_float32_holds_are_taken(dtype):
    with pytest.raises(ValueError, match=r"^w needs float32, got \w+ \(2,\)$"):
        as_array("w", np.ones(2, dtype))
    assert as_array("w", np.float16([1, 2])).dtype == np.float32
