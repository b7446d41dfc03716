"""Pages of real runs, opened in a real browser; all of it is skipped where there is none."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from programs import call
from sklearn import datasets

from experiments import mnist, sweep, table

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUICK = ("--noplots", "--checkpoint_every=0")
EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="session")
def browser():
    """Chromium: the system's, or else the one that Playwright has downloaded."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        pytest.skip("needs Playwright: make browser installs it")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as started:
        try:
            found = started.chromium.launch(executable_path=path)
        except Error as error:
            pytest.skip(f"needs Chromium or Chrome: {str(error).splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture
def show(browser):
    """Opens a page from its file; at the end nothing may have gone wrong, or been asked for."""
    contexts, troubles = [], []

    def opened(path, width=1200, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()

        def answer(route):
            if route.request.url.split("#")[0] == path.as_uri():
                return route.continue_()
            troubles.append(f"asked for {route.request.url}")
            return route.abort()

        context.route("**/*", answer)
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="session")
def mnist_run(browser, folder):
    data_dir = os.environ.get("JAXMLP_DATA_DIR", "/nowhere")
    if not Path(data_dir, "mnist").is_dir():
        pytest.skip("needs MNIST's files: set JAXMLP_DATA_DIR to the folder above mnist/")
    return trained(folder / "mnist", "--dataset=mnist", "--num_epochs=3", f"--data_dir={data_dir}")


@pytest.fixture(scope="session")
def digits_run(browser, folder):
    return trained(folder / "digits", "--dataset=digits", "--num_epochs=20")


@pytest.fixture(scope="session")
def iris_run(browser, folder):
    """Rows without pictures, a class of which is called like a script."""
    found = datasets.load_iris()
    names = ["setosa", EVIL, "virginica"]
    values = {"x": found.data.astype(np.float32), "y": found.target, "class_names": names}
    np.savez(folder / "iris.npz", **values)
    return trained(folder / "iris", f"--dataset={folder / 'iris.npz'}", "--num_epochs=10")


@pytest.fixture(scope="session")
def table_run(browser, folder):
    """A table of columns of all kinds, one of which is called like a script."""
    random, count = np.random.default_rng(0), 150
    age, town = random.integers(18, 80, count), random.choice(["Bonn", "Ulm", EVIL], count)
    member = random.choice(["yes", "no"], count)
    since = (np.datetime64("2020-01-01") + random.integers(0, 900, count)).astype(str)
    price = 10 + 2 * age + 50 * (town == "Ulm") + 20 * (member == "yes")
    lines = [f"age,{EVIL},member,since,price"]
    for row, values in enumerate(zip(age, town, member, since, price, strict=True)):
        lines.append(",".join(["" if row % 17 == 0 else str(values[0]), *map(str, values[1:])]))
    path = folder / "houses.csv"
    path.write_text("\n".join(lines))
    place = folder / "table"
    given = (f"--data={path}", "--target=price", "--num_epochs=30", *QUICK)
    call(table, *given, f"--workdir={place}")
    return place


@pytest.fixture(scope="session")
def sweep_run(iris_run, folder):
    """Sixteen networks of four rates, saved."""
    place, rates = folder / "sweep", "--sweep=learning_rate=1e-4,1e-3,1e-2,1e-1"
    given = (f"--dataset={folder / 'iris.npz'}", rates, "--seeds=0:4", "--num_epochs=3")
    call(sweep, *given, "--save_networks", *QUICK, f"--workdir={place}")
    return place


@pytest.fixture(scope="session")
def pages(digits_run, iris_run, table_run, sweep_run):
    """The page of each kind of run."""
    found = {"digits": digits_run, "iris": iris_run, "table": table_run, "sweep": sweep_run}
    return {name: place / "report.html" for name, place in found.items()}


def trained(folder, *arguments):
    """The folder of a run without plots/, whose page is report.html."""
    call(mnist, *arguments, *QUICK, f"--workdir={folder}")
    return folder
