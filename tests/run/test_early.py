"""The runner's process before it is told what to run."""

import os
import signal

from faultbox.model.exit import Exit
from faultbox.run.early import Runner


def test_a_runner_that_is_told_nothing_ends():
    with Runner() as runner:
        assert runner.process.poll() is None
    assert runner.process.returncode == Exit.ERRORED


def test_what_a_terminal_sends_while_it_imports_does_not_end_it(capfd):
    with Runner() as runner:
        os.kill(runner.process.pid, signal.SIGINT)
    assert runner.process.returncode == Exit.ERRORED
    assert capfd.readouterr().err == ""
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
