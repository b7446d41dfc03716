"""Trains, evaluates, saves and loads a network with the installed library and nothing else.

`make dist` runs it where the wheel is installed alone, far from any checkout.
"""

import importlib.util
import platform
import sys
import sysconfig
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmlp


def study(path: Path) -> float:
    """The test accuracy of a network that has been to a file and back.

    Args:
      path: of that file, .npz.
    """
    random = np.random.default_rng(0)
    inputs = random.normal(size=(300, 2)).astype(np.float32)
    labels = (inputs[:, 0] * inputs[:, 1] > 0).astype(np.int32)  # no line parts them
    data = jaxmlp.Dataset(inputs[:200], labels[:200], inputs[200:], labels[200:])
    model, task = jaxmlp.mlp((2, 16, 2)), jaxmlp.classification(2)
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.02}, 20, 30)

    run = jaxmlp.train(recipe, data, seed=0)
    figures = jaxmlp.evaluate(recipe, run.params, data.test_inputs, data.test_labels)
    assert np.isclose(figures["accuracy"], run.history["test_accuracy"][-1]), figures

    jaxmlp.save(path, model, run.params, task)
    network = jaxmlp.load(path)
    assert jaxmlp.digest(network.params) == jaxmlp.digest(run.params)
    answers = network.predict(data.test_inputs).argmax(axis=1)
    return float((answers == data.test_labels).mean())


def main(expected: str, folder: Path) -> None:
    """Refuses a library of another place or version, and programs that came along."""
    place = Path(jaxmlp.__file__).parent
    assert place.parent == Path(sysconfig.get_path("purelib")), place
    assert (place / "py.typed").is_file(), "no py.typed"
    assert importlib.util.find_spec("experiments") is None, "experiments came along"
    assert jaxmlp.__version__ == expected, (jaxmlp.__version__, expected)
    accuracy = study(folder / "network.npz")
    assert accuracy > 0.9, accuracy
    print(
        f"jaxmlp {jaxmlp.__version__} from {place.parent.name}, jax {jax.__version__}, "
        f"Python {platform.python_version()}: {accuracy:.1%} of 100 examples, saved and loaded"
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
