import http.server
import importlib.util
import logging
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import idx_files
import pytest
import requests

from experiments.data import tfds_cache
from experiments.data.idx import DataError, Registered

FILES = {f"{name}.gz": name.encode() * 10 for name in idx_files.MNIST}


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A machine may be busy: what answers at all does so within a minute."""
    monkeypatch.setattr(tfds_cache, "PROBE_SECONDS", 60.0)


@pytest.fixture
def server():
    """A web server on this machine; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = FILES.get(Path(self.path).name)
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def entries_at(address):
    return {
        name: idx_files.register(name, data)._replace(url=f"{address}/{name}")
        for name, data in FILES.items()
    }


def test_registered_is_what_tfds_registers():
    import tensorflow_datasets as tfds

    for name in ("mnist", "fashion_mnist", "kmnist", "emnist"):
        expected = tfds.builder_cls(name).url_infos
        entries = tfds_cache.registered(name).values()
        assert {entry.url for entry in entries} == set(expected)
        for url, size, sha256 in entries:
            assert (size, sha256) == (expected[url].size, expected[url].checksum)


def test_registered_imports_nothing():
    code = (
        "import sys; from experiments.data import tfds_cache; tfds_cache.registered('mnist'); "
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_registered_needs_the_package_and_a_known_name(monkeypatch):
    with pytest.raises(DataError, match=r"mnits: expected its checksums .*, got none"):
        tfds_cache.registered("mnits")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"mnist: expected .* an installed tensorflow-datasets"):
        tfds_cache.registered("mnist")


@pytest.mark.parametrize("folder", ["downloads", "downloads/mnist"])
def test_find_knows_the_names_that_tfds_gives(tmp_path, folder):
    from tensorflow_datasets.core.download import resource

    entries = tfds_cache.registered("mnist")
    (tmp_path / folder).mkdir(parents=True)
    for name, entry in entries.items():
        assert tfds_cache.find(entries, tmp_path) == {}
        path = tmp_path / folder / resource.get_dl_fname(entry.url, entry.sha256)
        path.touch()
        path.with_name(f"{path.name}.INFO").touch()
        assert tfds_cache.find({name: entry}, tmp_path) == {name: path}
    assert list(tfds_cache.find(entries, tmp_path)) == list(entries)


def test_unreachable_says_why(server):
    assert tfds_cache.unreachable(f"{server}/train-labels-idx1-ubyte.gz") is None
    assert tfds_cache.unreachable(f"{server}/nothing.gz") == "HTTP status 404"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert tfds_cache.unreachable(address) == "ConnectionError"


def test_unreachable_waits_for_no_name_server(monkeypatch):
    is_over, gave_up = threading.Event(), []

    def lookup(*args, **kwargs):
        gave_up.append(not is_over.wait(60))
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(tfds_cache, "PROBE_SECONDS", 0.3)
    assert tfds_cache.unreachable("https://data.invalid/x") == "no answer within 0.3 s"
    assert gave_up == []
    is_over.set()


def test_download_without_network_tries_once(tmp_path, monkeypatch):
    asked = []

    def send(adapter, request, **options):
        asked.append(request.url)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    entries = entries_at("http://127.0.0.1:9")
    with pytest.raises(tfds_cache.NotAvailable, match=r"it cannot be downloaded from http.*: Conn"):
        tfds_cache.download("mnist", entries, tmp_path / "new")
    assert asked == [next(iter(entries.values())).url]  # TFDS would try for minutes
    assert not (tmp_path / "new").exists()


def test_download_goes_through_tfds_into_its_cache(server, tmp_path, monkeypatch, caplog, capfd):
    from tensorflow_datasets.core.download import checksums

    entries = entries_at(server)
    infos = {
        url: checksums.UrlInfo(size=size, checksum=sha256, filename=None)
        for url, size, sha256 in entries.values()
    }
    monkeypatch.setattr(checksums, "get_all_url_infos", lambda: dict(infos))
    with caplog.at_level(logging.INFO, logger="experiments.data.tfds_cache"):
        paths = tfds_cache.download("mnist", entries, tmp_path / "new")
    assert {name: path.read_bytes() for name, path in paths.items()} == FILES
    assert list(paths) == list(entries)
    assert tfds_cache.find(entries, tmp_path / "new") == paths
    assert caplog.messages == [f"downloading mnist into {tmp_path / 'new' / 'downloads'}"]
    assert capfd.readouterr() == ("", "")


def test_a_failed_download_is_one_quiet_line(server, tmp_path, capfd, caplog):
    entries = entries_at(server)
    missing = Registered(f"{server}/missing.gz", 1, "00" * 32)
    entries = dict([*list(entries.items())[:2], ("missing.gz", missing), *entries.items()])
    with pytest.raises(
        tfds_cache.NotAvailable, match=r"its download into .* failed: .*404"
    ) as caught:
        tfds_cache.download("mnist", entries, tmp_path)
    assert "\n" not in str(caught.value)
    assert len(list((tmp_path / "downloads" / "mnist").glob("*.gz"))) == 2  # none after the failure
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_place_that_cannot_be_written_is_one_line(server, tmp_path):
    (tmp_path / "downloads").touch()
    with pytest.raises(tfds_cache.NotAvailable, match=r"failed: .*downloads"):
        tfds_cache.download("mnist", entries_at(server), tmp_path)


def testquiet_keeps_warnings_off_and_then_lets_them_through(caplog):
    with tfds_cache.quiet():
        logging.getLogger("absl").warning("OpenCV is not installed")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.getLogger("absl").error("broken")
    logging.getLogger("absl").warning("heard")
    assert caplog.messages == ["broken", "heard"]
