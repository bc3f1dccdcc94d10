"""Frozen layers: what one world wrote, later ones begin with."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from faultbox.linux import mounts, namespaces
from faultbox.world import Layout, NoLayers, discard, mount_frozen, prepare
from faultbox.world.layout import rmtree

pytestmark = pytest.mark.root

SEED = """
mkdir -p /var/lib/db /tmp/db; echo seeded > /var/lib/db/rows; echo tmp > /tmp/db/rows; rm /etc/issue
echo more >> /etc/group; mv /usr/share/misc /usr/share/renamed
"""
LOOK = """
cat /var/lib/db/rows /tmp/db/rows; ls /etc/issue; tail -1 /etc/group; ls -d /usr/share/misc /usr/share/renamed
echo mine >> /var/lib/db/rows; cat /etc/hosts | tail -1
"""


def seed_and_look(box):
    seeding = box.open("seed")
    box.output(seeding, SEED)
    frozen = mount_frozen(seeding.freeze())
    texts = []
    for name in ("one", "two"):
        layout = Layout(box.layout.run_dir, box.layout.layers_dir, seed=frozen)
        world = box.open(name, layout=layout, services=(name,))
        texts.append(box.output(world, LOOK))
        assert [each.path for each in world.changed()] == ["/var/lib/db/rows"]
        world.close()
    discard(frozen)
    assert os.listdir(box.layout.layers_dir) == []
    return texts


def expected(name):
    return [
        *("seeded", "tmp", "more", "/usr/share/renamed", f"127.0.0.1 {name}"),
        "ls: cannot access '/etc/issue': No such file or directory",
        "ls: cannot access '/usr/share/misc': No such file or directory",
    ]


def test_layers_on_the_hosts_own_file_system(boxed):
    for text, name in zip(boxed(seed_and_look), ("one", "two"), strict=True):
        assert text.splitlines() == expected(name)


def test_layers_in_memory(forked, make_box, tmp_path):
    """As in a container: another file system than the one they lie over, so they stack without help."""

    def body():
        namespaces.unshare(namespaces.NEWNS)
        mounts.make_private()
        mounts.mount("layers", tmp_path, "tmpfs")
        box = make_box(tmp_path, None)
        try:
            return seed_and_look(box)
        finally:
            box.close()

    for text, name in zip(forked(body), ("one", "two"), strict=True):
        assert text.splitlines() == expected(name)


def test_on_an_overlay_the_layers_are_in_memory(forked, tmp_path):
    def body():
        for name in ("lower", "upper", "work", "root"):
            (tmp_path / name).mkdir()
        namespaces.unshare(namespaces.NEWNS)
        mounts.make_private()
        target = tmp_path / "root"
        mounts.overlay(str(target), [str(tmp_path / "lower")], str(tmp_path / "upper"), str(tmp_path / "work"))
        in_memory = prepare(target / "layers")
        return in_memory, {each.fstype for each in mounts.table() if each.point == str(target / "layers")}

    assert forked(body) == (True, {"tmpfs"})


def test_where_no_overlay_can_be_mounted_the_advice_says_what_to_do(forked, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(19, "No such device")

    def body():
        monkeypatch.setattr(mounts, "overlay", refuse)
        with pytest.raises(NoLayers, match=r"No such device .*modprobe overlay"):
            prepare(tmp_path / "layers")

    forked(body)


@pytest.fixture
def open_path():
    """A directory that any user reaches, as tmp_path is not."""
    path = Path(tempfile.mkdtemp(prefix="faultbox-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_trees_of_overlays_are_removed(open_path):
    """As nobody would have to: a work directory has mode 000, a service may take away its own rights."""
    tmp_path = open_path
    top = tmp_path / "top"
    (top / "work" / "work" / "x").mkdir(parents=True)
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").write_text("x")
    (top / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    for path in (top / "a" / "b", top / "work" / "work" / "x", top / "work" / "work"):
        path.chmod(0)
    subprocess.run(["chown", "-R", "65534:65534", str(tmp_path)], check=True)
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            rmtree(top)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert not top.exists()
    assert (tmp_path / "kept").exists()
