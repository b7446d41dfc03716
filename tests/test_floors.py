"""The house: an import only goes down a floor, and importing the library does nothing else."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LIBRARY = TESTS.parent / "jaxmlp"

# From the ground up: a room imports from those before it, and its modules from each other in one
# direction. A module of the library itself, such as `types`, is a room of its own.
ROOMS = [
    *("naming", "types", "randomness"),
    *("runtime", "nn", "objectives", "optim", "training", "populations", "statistics"),
    *("storage", "interop", "sklearn"),
]
MODULES = sorted(
    ".".join(path.relative_to(LIBRARY).with_suffix("").parts)
    for path in LIBRARY.rglob("*.py")
    if path != LIBRARY / "__init__.py"
)

PACKAGES = ("jaxmlp", "experiments")
SOURCES = sorted(
    path.relative_to(LIBRARY.parent)
    for package in PACKAGES
    for path in (LIBRARY.parent / package).rglob("*.py")
)
NAMED_TUPLE = ("_asdict", "_fields", "_make", "_replace")
OURS = {"jaxmlp"}
NEEDED = {"jax", "numpy", "optax"}
OF_A_ROOM = {"sklearn": {"sklearn"}}  # which nothing else imports
NOT_ON_IMPORT = {
    "flax",
    "orbax",
    "pandas",
    "safetensors",
    "scipy",
    "tqdm",
    "xarray",
    "zstandard",
}  # for a type checker, or inside the one function that needs it


def tree_of(module):
    return ast.parse((LIBRARY / f"{module.replace('.', '/')}.py").read_text())


def imports_of(module):
    """(what is imported, whether importing the module does it), for every import in a module."""
    tree = tree_of(module)
    later = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef)
        or (isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING")
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in later) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} needs absolute imports"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = inner.removeprefix("jaxmlp.") in {*ROOMS, *MODULES}
                yield (inner if is_module else node.module), node not in later


def inner_imports(module):
    """The library's modules that a module imports."""
    names = {name for name, _ in imports_of(module) if name.startswith("jaxmlp.")}
    return {name.removeprefix("jaxmlp.") for name in names}


def test_every_module_has_its_room():
    assert {module.split(".")[0] for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__init__")])
def test_imports_only_go_down(module):
    room = module.split(".")[0]
    for other in inner_imports(module):
        theirs = other.split(".")[0]
        assert ROOMS.index(theirs) <= ROOMS.index(room), f"{module} imports {other}"
        if theirs == room:
            assert "." in other, f"{module} imports the whole of its own room"


def test_no_modules_import_each_other():
    graph = {
        module: {other for other in inner_imports(module) if other in MODULES}
        for module in MODULES
        if not module.endswith("__init__")
    }
    assert list(graphlib.TopologicalSorter(graph).static_order())


def private_names_from_elsewhere(path):
    """Names with one leading underscore that a module takes from another of ours."""
    tree = ast.parse(path.read_text())
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in PACKAGES:
            yield from (alias.name for alias in node.names if is_private(alias.name))
            modules |= {alias.asname or alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = ast.unparse(node.value)
            if owner in modules or owner.split(".")[0] in PACKAGES:
                yield f"{owner}.{node.attr}"


def is_private(name):
    return name.startswith("_") and not name.endswith("__") and name not in NAMED_TUPLE


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_private_name_is_used_in_another_module(path):
    assert not list(private_names_from_elsewhere(LIBRARY.parent / path))


@pytest.mark.parametrize(
    ("word", "home"),
    [
        ("keystr", "jaxmlp/runtime/leaves.py"),  # a leaf has one name
        ("os.replace", "jaxmlp/storage/atomic.py"),  # what is there is there as a whole
        ("os.fsync", "jaxmlp/storage/atomic.py"),
        ("flock", "jaxmlp/storage/atomic.py"),
    ],
)
def test_what_is_done_in_one_way_is_done_in_one_place(word, home):
    found = [str(path) for path in SOURCES if word in (LIBRARY.parent / path).read_text()]
    assert found == [home]


@pytest.mark.parametrize("module", ["__init__", *MODULES])
def test_the_library_needs_jax_numpy_and_optax_alone(module):
    allowed = OURS | NEEDED | OF_A_ROOM.get(module.split(".")[0], set())
    allowed |= set(sys.stdlib_module_names)
    for name, on_import in imports_of(module):
        assert name.split(".")[0] in (allowed if on_import else allowed | NOT_ON_IMPORT), name


@pytest.mark.parametrize("module", MODULES)
def test_every_module_with_a_function_has_its_twin_here(module):
    if any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree_of(module))):
        *room, name = module.split(".")
        assert Path(TESTS, *room, f"test_{name}.py").exists()


def in_a_new_process(program):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=LIBRARY.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_is_light_and_changes_nothing():
    """No heavy package, no configuration touched, no output, and no device woken."""
    program = """
import sys
import jax, optax
before, loaded = dict(jax.config.values), set(sys.modules)
import jaxmlp
assert dict(jax.config.values) == before
new = {name.split(".")[0] for name in set(sys.modules) - loaded}
heavy = {"absl", "flax", "matplotlib", "orbax", "pandas", "sklearn", "tqdm", "xarray"}
heavy |= {"tensorflow", "tensorflow_datasets"}
assert not new & heavy, new & heavy
jax.config.update("jax_num_cpu_devices", 3)  # refused once a device is in use
assert jax.device_count("cpu") == 3
"""
    assert in_a_new_process(program) == ""
