"""The table of mounts, and overlays whose names are awkward."""

import os

import pytest

from faultbox.linux import mounts, namespaces

LINES = """\
22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
31 27 254:0 /part /with\\040space\\011tab ro,nosuid,relatime shared:1 master:2 - ext4 /dev/vd\\134a rw,discard
40 27 0:44 / /empty rw - tmpfs
"""


def test_a_line_is_taken_apart():
    proc, disk, empty = mounts.parse(LINES)
    assert (proc.id, proc.parent, proc.point, proc.fstype) == (22, 27, "/proc", "proc")
    assert (disk.root, disk.point, disk.source) == ("/part", "/with space\ttab", "/dev/vd\\a")
    assert disk.options == {"ro", "nosuid", "relatime"}
    assert disk.super_options == {"rw", "discard"}
    assert (disk.read_only, proc.read_only) == (True, False)
    assert empty.fstype == "tmpfs"


def test_our_own_table_has_a_root():
    assert {"/", "/proc"} <= {each.point for each in mounts.table()}


def test_a_failed_call_is_named():
    with pytest.raises(OSError, match="mount nonsense: ") as caught:
        mounts.mount("none", "/nowhere", "nonsense")
    assert caught.value.filename == "/nowhere"


@pytest.mark.root
@pytest.mark.parametrize("name", ["plain", "comma,colon:back\\slash", "white space"])
def test_overlays_of_directories_with_awkward_names(tmp_path, in_mount_namespace, name):
    base = tmp_path / name
    for each in ("one", "two", "upper", "work", "target"):
        (base / each).mkdir(parents=True)
    (base / "one" / "a").write_text("from one")
    (base / "two" / "a").write_text("from two")
    (base / "two" / "b").write_text("b")

    def body():
        lowers = [str(base / "one"), str(base / "two")]
        mounts.overlay(str(base / "target"), lowers, str(base / "upper"), str(base / "work"))
        (base / "target" / "new").write_text("new")
        return (base / "target" / "a").read_text(), sorted(os.listdir(base / "target"))

    assert in_mount_namespace(body) == ("from one", ["a", "b", "new"])
    assert os.listdir(base / "upper") == ["new"]


@pytest.mark.root
def test_a_read_only_bind_holds_below_too(tmp_path, in_mount_namespace):
    for each in ("source/inner", "target"):
        (tmp_path / each).mkdir(parents=True)

    def body():
        mounts.mount("t", tmp_path / "source" / "inner", "tmpfs")
        mounts.bind(str(tmp_path / "source"), str(tmp_path / "target"), read_only=True)
        (tmp_path / "source" / "inner" / "x").write_text("x")
        refused = 0
        for each in ("target/y", "target/inner/y"):
            try:
                (tmp_path / each).write_text("y")
            except OSError:
                refused += 1
        return refused, (tmp_path / "target" / "inner" / "x").read_text()

    assert in_mount_namespace(body) == (2, "x")


@pytest.fixture
def in_mount_namespace(forked):
    """Run a body in a forked process with mounts of its own; what it returns."""

    def run(body):
        def inner():
            namespaces.unshare(namespaces.NEWNS)
            mounts.make_private()
            return body()

        return forked(inner)

    return run
