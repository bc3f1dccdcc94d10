"""Kernel tests run in a forked process: pytest's own has a watchdog thread, and keeps its namespaces."""

import os
import pickle
import traceback
import warnings

import pytest


@pytest.fixture
def forked():
    """Run a body in a forked process of one thread: what it returns; what it raises fails the test."""

    def run(body):
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                try:
                    answer = (True, body())
                except BaseException:  # noqa: BLE001
                    answer = (False, traceback.format_exc())
                os.write(write, pickle.dumps(answer))
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as end:
            data = end.read()
        os.waitpid(pid, 0)
        assert data, "the forked body died"
        good, value = pickle.loads(data)
        if not good:
            pytest.fail(value, pytrace=False)
        return value

    return run
