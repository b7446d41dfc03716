"""Processes of a population as threads of this one, whose store is a dictionary."""

import threading
from concurrent.futures import ThreadPoolExecutor

from jaxmlp.populations.cohort import Cohort
from jaxmlp.populations.folds import as_data, by_shapes, checked, num_folds
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.loop import train_portion
from jaxmlp.populations.peers import Peers
from jaxmlp.populations.planning import prepare
from jaxmlp.populations.population import beginning, copied
from jaxmlp.populations.portions import portion_of
from jaxmlp.runtime.exchange import Exchange


class Memory:
    """A store for threads."""

    def __init__(self):
        self.contents, self._lock = {}, threading.Lock()
        self.requests = []  # for contents, by name

    def put(self, name, content):
        with self._lock:
            self.contents[name] = content

    def get(self, name):
        with self._lock:
            self.requests.append(name)
            return self.contents.get(name)

    def within(self, folder):
        with self._lock:
            self.requests.append(folder)
            return {n: c for n, c in self.contents.items() if n.startswith(f"{folder}/")}

    def remove(self, folder):
        with self._lock:
            for name in [n for n in self.contents if n.startswith(f"{folder}/")]:
                del self.contents[name]


def together(function, count):
    """Calls a function with each process' number, at the same time; what each returns or raises."""

    def call(process):
        try:
            return function(process)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def trained(
    count,
    recipe,
    data,
    seeds,
    sweep=None,
    starts=None,
    hooks=None,
    store=None,
    patience=None,
    stop_metric="validation_loss",
    halving=None,
):
    """What `train_many` returns in each of so many processes, of one team each."""
    given, store = as_data(data), store or Memory()
    grid = make_grid(recipe, seeds, sweep, num_folds=num_folds(given))
    data = checked(grid, given)
    grid = by_shapes(grid, data)

    def one(process):
        portion = portion_of(grid, data, dict.fromkeys(range(count), 1), process)
        exchange = Exchange(store, "test", process, portion.processes)
        crew, _ = prepare(portion.grid, data, "exact", None, None, False)
        start = (starts or {}).get(process)
        population = beginning(portion.grid, data, crew) if start is None else copied(start)
        cohort = Cohort(portion.grid, data, 1, "stop", crew, population)
        peers = Peers(exchange, portion, halving) if count > 1 else None
        own = (hooks or {}).get(process, (None, None))
        rules = patience, stop_metric, halving
        return train_portion(cohort, portion, data, peers, *rules, *own)

    return together(one, count)
