"""Threads that end, and errors that arrive."""

import threading
import time

import pytest

from hueshift_jax.video.prefetch import Background, prefetch


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_order_is_kept():
    assert list(prefetch(iter(range(100)), 3)) == list(range(100))


def test_runs_ahead_by_no_more_than_depth():
    made = []
    ahead = prefetch((made.append(n) or n for n in range(50)), 4)
    assert next(ahead) == 0
    deadline = time.monotonic() + 5
    while len(made) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 6
    ahead.close()


def test_errors_come_after_the_items_before_them():
    def broken():
        yield 1
        raise KeyError("lost")

    ahead = prefetch(broken(), 2)
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="lost"):
        next(ahead)


def test_closing_early_closes_the_source():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    ahead = prefetch(endless(), 2)
    next(ahead)
    ahead.close()
    assert closed.is_set()


def test_background_consumes_in_order():
    seen = []
    with Background(seen.append, 2) as background:
        for n in range(20):
            background.put(n)
    assert seen == list(range(20))


def test_background_error_reaches_put_once():
    def refuse(item):
        raise KeyError(item)

    background = Background(refuse, 1)
    background.put(0)
    background._thread.join()
    with pytest.raises(KeyError):
        background.put(1)
    background.put(0)
    background.close()


def test_background_error_reaches_close():
    def refuse(item):
        raise KeyError(item)

    background = Background(refuse, 4)
    background.put(1)
    with pytest.raises(KeyError):
        background.close()


def test_background_is_dropped_on_errors():
    seen = []

    def slow(item):
        time.sleep(0.02)
        seen.append(item)

    def fill():
        with Background(slow, 50) as background:
            for n in range(50):
                background.put(n)
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        fill()
    assert len(seen) < 50
