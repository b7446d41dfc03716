"""Against PyTorch's formulas in NumPy, and against PyTorch where it is there."""

import itertools

import foreign_networks as foreign
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from foreign_networks import INPUTS, MODELS, params_of

import jaxmlp
from jaxmlp import activations, from_torch, mlp, to_torch

FOLDED = [name for name in MODELS if "standardized" in name]


def state_of(name):
    return to_torch(MODELS[name], params_of(name))


def by_formulas(name, state):
    """What a `Sequential` makes of INPUTS: Linear is x W' + b."""
    modules = {}
    for full, array in state.items():
        number, kept = full.split(".")
        modules.setdefault(int(number), {})[kept] = np.asarray(array, np.float64)
    outputs, last = np.float64(INPUTS), max(modules)
    for number in sorted(modules):
        kept = modules[number]
        if kept["weight"].ndim == 2:
            outputs = outputs @ kept["weight"].T + kept["bias"]
            is_normed = modules.get(number + 1, {}).get("weight", np.eye(1)).ndim == 1
        else:
            affine, epsilon = (kept["weight"], kept["bias"]), foreign.epsilon_of(name)
            if "running_mean" in kept:
                moments = kept["running_mean"], kept["running_var"]
                outputs = foreign.normalized(outputs, *moments, *affine, epsilon)
            else:
                outputs = foreign.layer_normalized(outputs, *affine, epsilon)
            is_normed = False
        if number != last and not is_normed:
            outputs = foreign.activation_of(name)(outputs)
    return outputs


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_pytorchs_formulas(name):
    state = state_of(name)
    assert {array.dtype for n, array in state.items() if "num" not in n} == {np.dtype(np.float32)}
    assert all(array.flags.c_contiguous for array in state.values())
    foreign.assert_equal_outputs(foreign.outputs_of(name), by_formulas(name, state))


def test_names_count_what_is_in_the_sequence():
    affine = "weight", "bias"
    norm = *affine, "running_mean", "running_var", "num_batches_tracked"
    assert list(state_of("plain")) == [f"{i}.{kept}" for i in (0, 2, 4) for kept in affine]
    layer = [f"{i}.{kept}" for i in (0, 1, 3, 4, 6) for kept in affine]
    assert list(state_of("layer")) == layer
    modules = (1, affine), (2, norm), (5, affine), (6, norm), (9, affine)
    assert list(state_of("dropout")) == [f"{i}.{kept}" for i, each in modules for kept in each]
    assert state_of("dropout")["2.num_batches_tracked"].dtype == np.int64
    assert list(state_of("standardized")) == list(state_of("plain"))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in FOLDED])
def test_a_network_comes_back_to_the_bit(name):
    model, params = MODELS[name], params_of(name)
    state = state_of(name)
    reordered = dict(reversed(state.items()))  # names have the order, where they have numbers
    for given in (state, reordered):
        found, back = from_torch(given, model)
        assert found is model
        foreign.assert_same_trees(back, params)
    settings = {"norm_epsilon": foreign.epsilon_of(name)} if foreign.epsilon_of(name) else {}
    found, back = from_torch(state, activation=model.architecture.activation, **settings)
    foreign.assert_same_trees(back, params)
    foreign.assert_equal_outputs(
        jax.vmap(found.apply, (None, 0))(back, INPUTS), foreign.outputs_of(name)
    )


@pytest.mark.parametrize("name", FOLDED)
def test_scalings_are_in_the_numbers(name):
    model, params = from_torch(state_of(name))
    assert model.architecture.input_scaling is None
    foreign.assert_equal_outputs(
        jax.vmap(model.apply, (None, 0))(params, INPUTS), foreign.outputs_of(name)
    )
    with pytest.raises(ValueError, match=r"^weights need a network without scalings, which are in"):
        from_torch(state_of(name), MODELS[name])


def test_a_bias_before_a_batch_norm_moves_its_mean():
    state = state_of("batch") | {"0.bias": np.float32([1, 2, 3, 4, 5, 6])}
    model, params = from_torch(state)
    outputs = jax.vmap(model.apply, (None, 0))(params, INPUTS)
    foreign.assert_equal_outputs(outputs, by_formulas("batch", state))
    assert not np.allclose(outputs, foreign.outputs_of("batch"))


def test_other_names_and_shorter_floats_are_taken():
    state = {"out.weight": np.ones((2, 3), np.float16)}
    model, (layer,) = from_torch(state)
    assert layer.kernel.dtype == jnp.float32
    assert layer.bias.tolist() == [0, 0]  # as of bias=False
    weights = {"first.weight": np.ones((5, 3), np.float32), "a.weight": jnp.ones((2, 5))}
    model, params = from_torch(weights, activation=activations.tanh)  # in the state's order
    assert model == mlp((3, 5, 2), activations.tanh)
    some = {"fc2.weight": weights["first.weight"], "out.weight": weights["a.weight"]}
    assert from_torch(some)[0] == mlp((3, 5, 2))  # a name without a number has no place among them
    numbered = {f"net.fc{i}.weight": np.ones((1, 1), np.float32) * i for i in (10, 9, 2)}
    model, params = from_torch(numbered)
    assert [layer.kernel.item() for layer in params] == [2, 9, 10]


def test_a_norm_without_running_statistics_is_read_as_a_layer_norm():
    kept = {n: v for n, v in state_of("batch").items() if "running" not in n and "num" not in n}
    assert from_torch(kept)[0] == mlp((4, 6, 5, 3), norm="layer")


def changed(name, **entries):
    state = state_of(name) | {full.replace("_", ".", 1): v for full, v in entries.items()}
    return {full: value for full, value in state.items() if value is not None}


ONES = np.ones(6, np.float32)


@pytest.mark.parametrize(
    ("state", "model", "message"),
    [
        ([1], None, "from_torch needs a state_dict, got a list"),
        ({}, None, "from_torch needs a state_dict, got a dict"),
        (changed("plain", _=ONES), None, r"a state needs names of a module and one of .*, got \."),
        (changed("plain", n_x=ONES), None, "a state needs names of .*running_var, .*, got n.x"),
        ({"weight": ONES}, None, "a state needs names of a module and one of .*, got weight"),
        (changed("plain", n0_bias=ONES), None, "a state needs n0.weight beside n0.bias"),
        (
            {**state_of("plain"), "2.weight": np.ones((6, 5), np.float32)},
            None,
            r"2.weight needs the shape \(6, 6\), got \(6, 5\)|2.bias needs .*",
        ),
        (
            {**state_of("plain"), "4.weight": np.ones((3, 7), np.float32)},
            None,
            r"4.weight needs the shape \(3, 5\), got \(3, 7\)",
        ),
        (
            {**state_of("plain"), "0.weight": np.ones((6, 3), np.float32)},
            MODELS["plain"],
            r"0.weight needs the shape \(6, 4\), got \(6, 3\)",
        ),
        (
            {**state_of("plain"), "0.bias": np.ones(5, np.float32)},
            None,
            r"0.bias needs the shape \(6,\), got \(5,\)",
        ),
        (
            {**state_of("batch"), "1.running_var": np.ones(5, np.float32)},
            None,
            r"1.running_var needs the shape \(6,\), got \(5,\)",
        ),
        (
            {**state_of("plain"), "0.weight": np.ones((6, 4))},
            None,
            r"0.weight needs float32, got float64 \(6, 4\)",
        ),
        (
            {**state_of("plain"), "0.weight": np.ones((6, 4), int)},
            None,
            r"0.weight needs float32, got int64 \(6, 4\)",
        ),
        (
            {**state_of("plain"), "0.weight": np.ones((6, 4, 3, 3), np.float32)},
            None,
            r"0.weight needs 1 or 2 axes, got the shape \(6, 4, 3, 3\)",
        ),
        (
            {n: v for n, v in state_of("batch").items() if n != "1.running_mean"},
            None,
            "a state needs 1.running_mean beside 1.weight",
        ),
        (
            {n: v for n, v in state_of("layer").items() if n != "1.bias"},
            None,
            "a state needs 1.bias beside 1.weight",
        ),
        (
            changed("plain", **{"0_running_mean": ONES}),
            None,
            "0.weight needs 1 axis beside 0.running_mean, got 2",
        ),
        ({"0.weight": ONES, "0.bias": ONES}, None, "0 needs a fully connected layer .*, got none"),
        (
            changed("plain", **{"1_weight": ONES, "1_bias": ONES}),
            None,
            "a network needs the same norm in all hidden layers, got layer, none",
        ),
        (
            changed("linear", **{"1_weight": ONES[:3], "1_bias": ONES[:3]}),
            None,
            "1.weight needs a hidden layer, got a norm of the outputs",
        ),
        (
            {"0.weight": np.ones((6, 4)), "2.weight": ONES, "2.bias": ONES},
            None,
            "0.weight needs float32, .*",
        ),
        (
            {"0.weight": np.ones((6, 4), np.float32), "2.weight": ONES, "2.bias": ONES},
            None,
            "a norm needs to come next to its layer, before the activation, got 2 after 0",
        ),
        (
            {**state_of("layer"), "2.weight": ONES, "2.bias": ONES},
            None,
            "2 needs a fully connected layer before its norm, got none",
        ),
        (changed("layer", **{"0_bias": ONES}), None, "0.bias needs zeros, .* got others"),
        (state_of("plain"), mlp((4, 6, 3)), "the model needs 2 kernels, got 3"),
        (
            state_of("plain"),
            MODELS["batch"],
            "the model needs the batch norm in its hidden layers, got no norm",
        ),
        (
            state_of("layer"),
            MODELS["plain"],
            "the model needs no norm in its hidden layers, got the layer norm",
        ),
        (
            state_of("plain"),
            MODELS["plain"]._replace(init=print),
            "weights of another library need a model made by mlp, got Model.*",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(state, model, message):
    with pytest.raises(ValueError, match=f"^({message})$") as refused:
        from_torch(state, model)
    assert "\n" not in str(refused.value)


def test_parameters_of_another_network_are_refused():
    with pytest.raises(ValueError, match=r"^params need float32 \(4, 6\) at 0/kernel, got nothing"):
        to_torch(MODELS["plain"], params_of("batch"))
    with pytest.raises(ValueError, match="^to_torch needs a model made by mlp, got Model"):
        to_torch(MODELS["plain"]._replace(init=print), params_of("plain"))


def module_of(torch, name):
    """The network as it would be written in PyTorch, with PyTorch's own defaults."""
    made = MODELS[name].architecture
    layers = [torch.nn.Dropout(made.input_dropout)] if made.input_dropout is not None else []
    for inputs, outputs in itertools.pairwise(made.sizes):
        layers.append(torch.nn.Linear(inputs, outputs))
        if len(layers) > 1 and outputs == made.sizes[-1]:
            break
        if made.norm:
            norm = torch.nn.BatchNorm1d if made.norm == "batch" else torch.nn.LayerNorm
            layers.append(norm(outputs, eps=made.norm_epsilon))
        if len(made.sizes) > 2:
            layers.append(torch.nn.Tanh() if name == "tanh" else torch.nn.ReLU())
        if made.dropout is not None:
            layers.append(torch.nn.Dropout(made.dropout))
    return torch.nn.Sequential(*layers).eval()


@pytest.mark.parametrize("name", MODELS)
def test_pytorch_takes_it_and_gives_it_back(name):
    torch = pytest.importorskip("torch")
    module = module_of(torch, name)
    state = {full: torch.tensor(array) for full, array in state_of(name).items()}
    module.load_state_dict(state)
    theirs = module(torch.tensor(INPUTS)).detach().numpy()
    foreign.assert_equal_outputs(foreign.outputs_of(name), theirs)
    if name not in FOLDED:
        _, params = from_torch(module.state_dict(), MODELS[name])
        foreign.assert_same_trees(params, params_of(name))


@pytest.mark.parametrize("name", ["plain", "batch", "layer"])
def test_what_pytorch_made_and_trained_computes_the_same_here(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = module_of(torch, name).train()
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        module(torch.tensor(INPUTS)).square().mean().backward()
        optimizer.step()
    if name == "layer":  # whose bias has no place here
        for number in (0, 3):
            torch.nn.init.zeros_(module[number].bias)
    module.eval()
    model, params = from_torch(module.state_dict())
    ours = jax.vmap(model.apply, (None, 0))(params, INPUTS)
    foreign.assert_equal_outputs(ours, module(torch.tensor(INPUTS)).detach().numpy())
    assert jaxmlp.digest(params) != jaxmlp.digest(model.init(jax.random.key(0)))
