"""Pages of parts that are written by hand, so that no test of them has to train."""

import base64

import jax
import numpy as np
import optax

import jaxmlp
from experiments.report import network, page

RUN = {
    **{"title": "a run", "notice": None, "verdict": [], "findings": [], "scores": None},
    "what": {"data": "blobs"},
    "figures": {"sets": ["test"], "rows": [{"name": "loss", "values": ["0.5"]}]},
}
RECEIPT = {
    "commands": [{"what": "Check it", "command": "python -m experiments.verify 'a run'"}],
    **{"seeds": {}, "digests": {}, "machine": {}, "versions": {}, "settings": {}},
}


def write(path, template="run.html", **parts):
    """The page of some parts, by their names in the page's data; its path."""
    page.write(path, template, {"run": RUN, **parts})
    return path


def encoded(values, dtype):
    """Numbers as a page has them."""
    return base64.b64encode(np.asarray(values, dtype).tobytes()).decode()


def layered(task, kernel, bias):
    """A recipe and parameters of one layer with these weights."""
    kernel, bias = np.float32(kernel), np.float32(bias)
    recipe = jaxmlp.Recipe(jaxmlp.mlp(kernel.shape), task, optax.sgd, {"learning_rate": 0.1})
    return recipe, (jaxmlp.Dense(kernel, bias),)


def drawn(task, sizes):
    """A recipe and the parameters that it begins with."""
    recipe = jaxmlp.Recipe(jaxmlp.mlp(sizes), task, optax.sgd, {"learning_rate": 0.1})
    return recipe, recipe.model.init(jax.random.key(0))


def trial(networks, names, given, span=None):
    """The part of a page that asks networks, of (recipe, params), by `given`."""
    each = [
        {"name": f"seed={i}", "setting": "", "network": network.encode(*one, "float32")}
        for i, one in enumerate(networks)
    ]
    kind = networks[0][0].task.kind
    parts = {"kind": kind, "names": names, "span": span, "networks": each, "input": given}
    return parts | {"notes": []}
