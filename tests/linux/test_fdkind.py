"""What a descriptor is open on: the same for a rule's on= and for what the kernel tells."""

from __future__ import annotations

import os
import pty
import socket
from pathlib import Path

from faultbox.linux.fdkind import fd_kind


def kind(fd: int) -> str:
    status = os.fstat(fd)
    return fd_kind(status.st_mode, os.major(status.st_rdev))


def test_files_pipes_sockets_and_terminals(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    leader, follower = pty.openpty()
    null = os.open(os.devnull, os.O_RDONLY)
    directory = os.open(tmp_path, os.O_RDONLY)
    with (tmp_path / "x").open("w") as file, socket.socket() as sock:
        found = [kind(each) for each in (file.fileno(), directory, reading, sock.fileno(), follower, null)]
    for each in (reading, writing, leader, follower, null, directory):
        os.close(each)
    assert found == ["file", "file", "pipe", "socket", "tty", "other"]
