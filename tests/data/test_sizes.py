import pytest

from experiments.data.sizes import size_of, size_text


def test_a_size_is_height_and_width():
    assert size_of("20x30") == (20, 30)
    assert size_text((20, 30, 3)) == "20x30"


@pytest.mark.parametrize(
    "text", ["", "28", "28x", "0x5", "28x28x3", "-1x5", "5000x5", "2 x 2", "٢x٢"]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="expected HEIGHTxWIDTH such as 28x28, up to 4096, got "):
        size_of(text)
