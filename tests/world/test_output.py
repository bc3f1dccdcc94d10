"""Output: everything that matters is kept, whatever and however fast a service prints."""

import os
import threading
import time

import pytest

from faultbox.world.output import KEPT, LINE_MAX, Output


@pytest.fixture
def stream(tmp_path):
    """An Output and the end to write to."""
    made = []

    def make(on_line=None):
        read, write = os.pipe()
        output = Output(read, tmp_path / "log", on_line)
        made.append(output)
        return output, os.fdopen(write, "wb", buffering=0)

    yield make
    for output in made:
        output.close()


class Lines:
    def __init__(self):
        self.seen = []

    def __call__(self, line, *, whole):
        self.seen.append((line, whole))


def test_lines_reach_the_file_and_the_sink(stream, tmp_path):
    lines = Lines()
    output, end = stream(lines)
    end.write(b"one\ntw")
    assert output.drain()
    end.write(b"o\n\nlast without end")
    end.close()
    output.drain()
    assert not output.drain()
    output.close()
    assert lines.seen == [(b"one", True), (b"two", True), (b"", True), (b"last without end", True)]
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n\nlast without end"


def test_draining_never_waits(stream):
    output, end = stream()
    assert output.drain()
    end.write(b"x")
    assert output.drain()
    assert output.tail(3) == ["x"]
    end.close()
    assert not output.drain()


def test_a_service_that_never_pauses_does_not_hold_the_drainer(stream):
    output, end = stream()
    stop = threading.Event()

    def print_on():
        while not stop.is_set():
            end.write(b"y" * 65536)

    thread = threading.Thread(target=print_on)
    thread.start()
    began = time.monotonic()
    for _ in range(50):
        assert output.drain()
    took = time.monotonic() - began
    stop.set()
    while thread.is_alive():
        output.drain()
    thread.join()
    end.close()
    assert took < 10


@pytest.mark.parametrize("with_lines", [False, True])
def test_much_output_keeps_its_beginning_and_its_end(stream, tmp_path, drain_to_end, with_lines):
    total = 40 << 20
    block = b"".join(b"%09d\n" % number for number in range(1 << 17))
    count = 0

    def sink(line, *, whole):
        nonlocal count
        count += 1

    output, end = stream(sink if with_lines else None)

    def print_all():
        with end:
            left = total
            while left:
                left -= end.write(memoryview(block)[: min(left, len(block))])

    thread = threading.Thread(target=print_all)
    thread.start()
    drain_to_end(output)
    thread.join()
    tail = output.tail(2)
    output.close()
    data = (tmp_path / "log").read_bytes()
    marker = b"\n[faultbox: %d bytes are cut here]\n" % (total - 2 * KEPT)
    assert len(data) == 2 * KEPT + len(marker)
    assert data[KEPT : KEPT + len(marker)] == marker
    assert data[:20] == b"000000000\n000000001\n"
    assert data.endswith("\n".join(tail).encode().rstrip()[-5:] + b"\n") or not data.endswith(b"\n")
    if with_lines:
        assert count >= total // 10


@pytest.mark.parametrize("with_lines", [False, True])
def test_the_ring_keeps_exactly_the_last_bytes(stream, tmp_path, drain_to_end, with_lines):
    pattern = os.urandom(3 * KEPT + 12345)
    output, end = stream(Lines() if with_lines else None)

    def print_all():
        with end:
            view = memoryview(pattern)
            while view:
                view = view[end.write(view[:50_001]) :]

    thread = threading.Thread(target=print_all)
    thread.start()
    drain_to_end(output)
    thread.join()
    output.close()
    data = (tmp_path / "log").read_bytes()
    assert data[:KEPT] == pattern[:KEPT]
    assert data[-KEPT:] == pattern[-KEPT:]


def test_output_that_just_fits_has_no_marker(stream, tmp_path, drain_to_end):
    pattern = os.urandom(2 * KEPT)
    output, end = stream()
    thread = threading.Thread(target=lambda: (end.write(pattern[:KEPT]), end.write(pattern[KEPT:]), end.close()))
    thread.start()
    drain_to_end(output)
    thread.join()
    output.close()
    assert (tmp_path / "log").read_bytes() == pattern


def test_long_lines_come_whole_up_to_a_limit_and_then_in_flagged_parts(stream, drain_to_end):
    lines = Lines()
    output, end = stream(lines)
    long, endless = b"a" * LINE_MAX, b"b" * (2 * LINE_MAX + 7)
    thread = threading.Thread(target=lambda: (_write(end, long + b"\n" + endless + b"\nshort\n"), end.close()))
    thread.start()
    drain_to_end(output)
    thread.join()
    assert [(len(line), whole) for line, whole in lines.seen] == [
        (LINE_MAX, True),
        (LINE_MAX, False),
        (LINE_MAX, False),
        (7, True),
        (5, True),
    ]


def test_a_hundred_megabytes_cost_little(stream, drain_to_end):
    """Not a timing: processor time of the drainer for 100 MB stays under that of copying them a few times."""
    import subprocess

    output, end = stream()
    printer = subprocess.Popen(["head", "-c", "100000000", "/dev/zero"], stdout=end)
    end.close()
    began = time.thread_time()
    drain_to_end(output)
    took = time.thread_time() - began
    assert printer.wait() == 0
    assert took < 2


def test_the_tail_is_decoded_leniently(stream):
    output, end = stream()
    end.write(b"one\n\xff\xfe two\nthree\n")
    output.drain()
    assert output.tail(2) == ["\ufffd\ufffd two", "three"]
    assert output.tail(0) == []
    end.close()


def _write(end, data):
    view = memoryview(data)
    while view:
        view = view[end.write(view) :]
