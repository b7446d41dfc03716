from report_subjects import subject

from experiments.report import receipt


def test_what_decides_the_bits_is_there(tmp_path):
    found = receipt.of(subject(tmp_path))
    assert found["digests"] == {"parameters": "a" * 64, "data": "b" * 64}
    assert found["seeds"] == {"seed": 0}
    assert found["versions"].keys() >= {"jax", "numpy", "jaxmlp"}
    assert found["machine"]["platform"] == "cpu"
    assert found["settings"]["optimizer"] == "adam"
    assert found["commands"][0]["what"].startswith("Train it again")
