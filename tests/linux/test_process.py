"""clone3, pidfds and identity."""

import os
import signal
import threading
from pathlib import Path

import pytest

from faultbox.linux import namespaces, pidfd, prctl, process


def test_clone_is_a_fork_with_a_pidfd(forked):
    def body():
        pid, descriptor = process.clone()
        if pid == 0:
            os._exit(7)
        assert pidfd.wait(descriptor, 5_000)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.get_inheritable(descriptor)

    assert forked(body) == (7, False)


def test_clone_refuses_where_another_thread_would_be_lost():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="several threads"):
            process.clone()
    finally:
        stop.set()
        thread.join()


def test_a_pidfd_knows_its_pid_signals_and_ends(forked):
    def body():
        pid, descriptor = process.clone()
        if pid == 0:
            signal.pause()
            os._exit(0)
        assert pidfd.pid_of(descriptor) == pid
        assert not pidfd.wait(descriptor, 0)
        assert pidfd.send_signal(descriptor, signal.SIGTERM)
        assert pidfd.wait(descriptor, 5_000)
        os.waitpid(pid, 0)
        assert not pidfd.send_signal(descriptor, signal.SIGTERM)
        assert pidfd.pid_of(descriptor) == -1
        with pytest.raises(ProcessLookupError):
            pidfd.open(pid)

    forked(body)


def test_pid_of_wants_a_pidfd():
    with pytest.raises(OSError, match="no pidfd"):
        pidfd.pid_of(0)


@pytest.mark.root
def test_a_descriptor_is_fetched_from_another_process(forked):
    def body():
        read, write = os.pipe()
        ready, ready_end = os.pipe()
        pid, descriptor = process.clone()
        if pid == 0:
            os.dup2(write, 99)
            os.write(ready_end, b"x")
            signal.pause()
            os._exit(0)
        try:
            os.read(ready, 1)
            os.write(pidfd.getfd(descriptor, 99), b"through")
            return os.read(read, 10)
        finally:
            pidfd.send_signal(descriptor, signal.SIGKILL)
            os.waitpid(pid, 0)

    assert forked(body) == b"through"


@pytest.mark.root
def test_a_thread_becomes_somebody_else_alone(forked):
    def body():
        seen = []

        def change():
            process.become(65534, 65533, [7, 8])
            seen.extend((os.getresuid(), os.getresgid(), os.getgroups()))

        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        return seen, os.getresuid()

    assert forked(body) == ([(65534,) * 3, (65533,) * 3, [7, 8]], (0, 0, 0))


def test_a_process_has_a_name(forked):
    def body():
        prctl.set_name("a-name-that-is-too-long")
        return Path("/proc/self/status").read_text()

    assert "Name:\ta-name-that-is-\n" in forked(body)


def test_a_child_dies_with_the_thread_that_made_it(forked):
    def body():
        read, write = os.pipe()
        middle, _ = process.clone()
        if middle == 0:
            pid, _ = process.clone()
            if pid == 0:
                prctl.set_pdeathsig()
                os.write(write, b"ready")
                signal.pause()
            os.write(write, b"%d" % pid)
            signal.pause()
        text = b""
        while b"ready" not in text or len(text) == 5:
            text += os.read(read, 100)
        descriptor = pidfd.open(int(text.replace(b"ready", b"")))
        os.kill(middle, signal.SIGKILL)
        os.waitpid(middle, 0)
        return pidfd.wait(descriptor, 5_000)

    assert forked(body)


def test_only_the_hosts_user_namespace_has_every_user(forked):
    def body():
        namespaces.enter_user_namespace()
        return namespaces.is_initial_user_namespace(), os.getuid()

    assert namespaces.is_initial_user_namespace()
    assert forked(body) == (False, 0)


def test_without_user_namespaces_the_advice_says_what_to_change(monkeypatch):
    def refuse(_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(namespaces, "unshare", refuse)
    with pytest.raises(namespaces.NoUserNamespaces, match=r"Operation not permitted.*sysctl user\.max_user_namespaces"):
        namespaces.enter_user_namespace()
