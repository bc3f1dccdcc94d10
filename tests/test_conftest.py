"""The rules of conftest.py, on test files that break them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


def run(directory: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, directory)
    (directory / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(directory), str(directory)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_a_process_left_behind_fails_the_session(tmp_path: Path) -> None:
    stray = 'subprocess.Popen(["sleep", "60"], start_new_session=True).returncode = 0'
    done = run(tmp_path, f"import subprocess\n\ndef test_it():\n    {stray}\n")
    found = re.search(r"LEFT BEHIND process (\d+) sleep 60", done.stdout)
    assert found, done.stdout
    os.kill(int(found[1]), signal.SIGKILL)
    assert done.returncode == 1


@pytest.mark.root
def test_a_mount_left_behind_fails_the_session(tmp_path: Path) -> None:
    place = tmp_path / "faultbox-mount"
    place.mkdir()
    mount = f'subprocess.run(["mount", "-t", "tmpfs", "x", {str(place)!r}], check=True)'
    done = run(tmp_path, f"import subprocess\n\ndef test_it():\n    {mount}\n")
    subprocess.run(["umount", str(place)], check=True)
    assert f"LEFT BEHIND mount {place}" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    "text",
    [
        'import pytest\n\ndef test_it():\n    pytest.skip("no such server")\n',
        'import pytest\n\n@pytest.mark.skip(reason="no such server")\ndef test_it():\n    pass\n',
        'import pytest\n\npytest.skip("no such server", allow_module_level=True)\n',
    ],
    ids=["call", "mark", "module"],
)
def test_a_skip_is_a_failure_where_everything_can_run(tmp_path: Path, text: str) -> None:
    assert run(tmp_path, text, FAULTBOX_NO_SKIP="").returncode in (0, 5)
    refused = run(tmp_path, text, FAULTBOX_NO_SKIP="1")
    assert refused.returncode in (1, 2)
    assert "no such server" in refused.stdout
