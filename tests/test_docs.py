"""The examples on the page about networks run."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "networks.md").read_text()


def test_the_examples_of_the_page_on_networks_run_and_print_what_they_say(capsys):
    names = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)
    network, *table, shape = capsys.readouterr().out.splitlines()
    assert f"# {network}\n" in PAGE
    assert table[-1].split()[:3] == ["total", "10", "float32"]
    assert f"# {shape}: probabilities" in PAGE
    assert set(names["tree"]) == {"params", "batch_stats"}
    assert names["of_nnx"].least_batch == 2
    assert names["info"].num_examples == 8
