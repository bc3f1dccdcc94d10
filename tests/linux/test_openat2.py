from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from faultbox.linux.openat2 import open_in_root


def test_symlinks_and_dots_stay_in_the_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("ours")
    (tmp_path / "link").symlink_to("/etc/passwd")
    root = os.open(tmp_path, os.O_PATH)
    try:
        for path in ("link", "/link", "../../etc/passwd"):
            fd = open_in_root(root, path, 0)
            assert os.readlink(f"/proc/self/fd/{fd}") == str(tmp_path / "etc/passwd")
            os.close(fd)
        with pytest.raises(FileNotFoundError) as caught:
            open_in_root(root, "nowhere", 0)
        assert caught.value.errno == errno.ENOENT
        fd = open_in_root(root, "link", os.O_NOFOLLOW)
        assert os.readlink("", dir_fd=fd) == "/etc/passwd"
        os.close(fd)
    finally:
        os.close(root)
