"""The example that adds the gradients of many processes: one derivative a worker, and the sum is the gradient."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("distributed", reason="dask.distributed is not installed (extra `examples`)")
from distributed import Client, LocalCluster

import srcad

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(scope="module")
def example():
    """The module, importable by its name in the workers too."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield importlib.import_module("many_machines")
    finally:
        sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def client(example):
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as connected,
    ):
        connected.run(sys.path.insert, 0, str(EXAMPLES))
        yield connected


def test_the_gradient_is_that_of_differences(example):
    srcad.check_grad(example.loss, example.START, example.partition(0, 2, 30))  # which raises where they differ


def test_fit(example, client, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(example, "OUTPUT", tmp_path)
    data = client.map(example.partition, range(6), series=50, days=200)
    theta, path, total = example.fit(client, data, 6 * 50 * 200, 2)
    parts = [part for call in total.calls for part in call]
    processes = {part.process for part in parts}
    assert len(processes) == 2
    for process in processes:  # one compilation: all but one are quicker than it by far
        slowest, second, *_ = sorted((part.seconds for part in parts if part.process == process), reverse=True)
        assert second < 0.5 * slowest
    returns = np.concatenate([example.partition(number, 50, 200) for number in range(6)])
    value, gradient = example.loss_and_gradient(example.START, returns)
    assert total.calls[0][0].value != total.calls[0][1].value
    np.testing.assert_allclose(sum(p.value for p in total.calls[0]), value, rtol=1e-12)
    np.testing.assert_allclose(np.sum([p.gradient for p in total.calls[0]], axis=0), gradient, rtol=1e-10)
    assert len(path) == 3 and example.loss(theta, returns) < value


def test_run(example, client, tmp_path, monkeypatch):
    monkeypatch.setattr(example, "OUTPUT", tmp_path)
    assert example.run(client, 3, 20, 100, 1) < example.LARGEST_DIFFERENCE
    assert (tmp_path / "many_machines.png").exists()


def test_a_derivative_of_a_script(client):
    """Functions without an importable name arrive as byte code; their text comes along."""

    def squares(x, y):
        return np.sum((x - y) ** 2)

    futures = client.map(srcad.grad(squares, target="python"), [np.ones(2)] * 2, [np.zeros(2), np.ones(2)])
    assert [found.tolist() for found in client.gather(futures)] == [[2.0, 2.0], [0.0, 0.0]]
