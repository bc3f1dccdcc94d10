"""The disk of a world: everything of the host is there, nothing of the host can be changed but through volumes."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from faultbox.linux import mounts
from faultbox.world import ChangedFile, Layout
from faultbox.world.disk import places_of

TABLE = """\
1 0 254:0 / / rw,relatime - ext4 /dev/vda rw
2 1 0:21 / /proc rw - proc proc rw
3 1 0:22 / /dev rw - devtmpfs dev rw
4 3 0:23 / /dev/shm rw - tmpfs tmpfs rw
5 1 0:24 / /tmp rw - tmpfs tmpfs rw
6 5 0:25 / /tmp/deep rw - ext4 /dev/vdb rw
7 1 0:26 / /data rw - xfs /dev/vdc rw
8 7 0:27 / /data/snap ro - squashfs /dev/loop0 ro
9 1 0:28 / /mnt/usb rw - vfat /dev/sda ro
10 1 0:29 /x /etc/resolv.conf rw - ext4 /dev/vda rw
11 1 0:30 / /var/lib/layers rw - tmpfs tmpfs rw
12 1 0:31 / /with\\040space rw - ext4 /dev/vdd rw
"""


@pytest.fixture
def in_tmp():
    """A directory in /tmp, wherever TMPDIR leads."""
    with tempfile.TemporaryDirectory(prefix="faultbox-test-", dir="/tmp") as made:
        yield Path(made)


def test_every_file_system_of_the_host_gets_its_place():
    places = places_of(mounts.parse(TABLE), ["/var/lib/layers"])
    assert [(place.point, place.writable) for place in places] == [
        ("/", True),
        ("/data", True),
        ("/data/snap", False),
        ("/mnt/usb", False),
        ("/with space", True),
    ]


@pytest.mark.root
def test_writes_stay_in_the_world_and_are_listed(boxed, tmp_path):
    def body(box):
        world = box.open()
        script = """
        echo new > /var/faultbox-new; rm /etc/hostname.absent /etc/fstab 2>/dev/null; rm /etc/passwd
        mkdir -p /opt/fresh/dir; ln -s x /opt/fresh/link; echo state > /tmp/state; echo shm > /dev/shm/x
        echo pid > /run/pid; mkdir /usr/lib/faultbox-empty; echo changed >> /etc/group
        """
        box.output(world, script)
        return [(each.path, each.kind, each.size) for each in world.changed() if each.path != "/etc/fstab"]

    before = Path("/etc/group").stat().st_size
    assert boxed(body) == [
        ("/etc/group", "file", before + 8),
        ("/etc/passwd", "deleted", 0),
        ("/opt/fresh", "directory", 0),
        ("/opt/fresh/dir", "directory", 0),
        ("/opt/fresh/link", "symlink", 0),
        ("/run/pid", "file", 4),
        ("/tmp/state", "file", 6),
        ("/usr/lib/faultbox-empty", "directory", 0),
        ("/var/faultbox-new", "file", 4),
    ]
    assert Path("/etc/passwd").exists()
    assert not Path("/var/faultbox-new").exists()


@pytest.mark.root
def test_an_untouched_world_has_changed_nothing(boxed, tmp_path):
    (tmp_path / "data").mkdir()

    def body(box):
        volumes = {"/a/b/data": str(tmp_path / "data")}
        return box.open(volumes=volumes, visible=(tmp_path / "data",), services=("x",)).changed()

    assert boxed(body) == []


@pytest.mark.root
def test_what_the_spec_names_in_tmp_is_there_copy_on_write(boxed, in_tmp):
    spec = in_tmp / "spec"
    spec.mkdir()
    (spec / "server").write_text("#!/bin/sh\necho from its directory\necho gone > server\nls /tmp\n")
    (spec / "server").chmod(0o755)
    (in_tmp / "other").mkdir()

    def body(box):
        world = box.open(visible=(spec / "server", spec))
        text = box.read(box.launch(world, str(spec / "server"), cwd=str(spec)))
        return text, world.changed(), box.output(world, f"ls {in_tmp}")

    text, changed, listing = boxed(body)
    assert text.startswith("from its directory\n")
    assert in_tmp.name in text
    assert changed == [ChangedFile(str(spec / "server"), "file", 5)]
    assert listing == "spec\n"
    assert (spec / "server").read_text().startswith("#!")


@pytest.mark.root
def test_a_single_file_in_tmp_itself_is_shown_read_only(boxed):
    program = Path("/tmp") / f"faultbox-test-{os.getpid()}"
    program.write_text("#!/bin/sh\nls /tmp; echo x > $0\n")
    program.chmod(0o755)
    try:
        text = boxed(lambda box: box.read(box.launch(box.open(visible=(program,)), str(program))))
    finally:
        program.unlink()
    assert text.startswith(f"{program.name}\n")
    assert "Read-only file system" in text


@pytest.mark.root
def test_volumes_are_the_only_writable_hole(boxed, tmp_path):
    data, config = tmp_path / "data", tmp_path / "config.ini"
    data.mkdir()
    config.write_text("old\n")

    def body(box):
        world = box.open(volumes={"/var/run/deep/data": str(data), "/etc/config.ini": str(config)})
        script = "echo kept > /run/deep/data/file; cat /etc/config.ini; echo new > /etc/config.ini"
        return box.output(world, script), world.changed()

    assert boxed(body) == ("old\n", [])
    assert (data / "file").read_text() == "kept\n"
    assert config.read_text() == "new\n"
    assert not Path("/run/deep").exists()


@pytest.mark.root
def test_the_run_and_what_is_hidden_are_not_seen(boxed, tmp_path):
    hidden = Path("/var/tmp") / f"faultbox-hidden-{os.getpid()}"
    hidden.mkdir()
    (hidden / "secret").write_text("x")
    (tmp_path / "shown").write_text("x")

    def body(box):
        (box.layout.run_dir / "plan.json").write_text("{}")
        layout = Layout(box.layout.run_dir, box.layout.layers_dir, hidden=(hidden,))
        world = box.open(layout=layout, visible=(tmp_path,))
        places = f"{tmp_path}/run {tmp_path}/layers {hidden}"
        return box.output(world, f"ls -A {places} | grep -v : ; cat {tmp_path}/shown; touch {hidden}/x")

    try:
        text = boxed(body)
    finally:
        (hidden / "secret").unlink()
        hidden.rmdir()
    assert text.split("\n")[:3] == ["", "", "x" + text.split("\n")[2][1:]]
    assert "secret" not in text
    assert "plan.json" not in text
    assert "Read-only file system" in text


@pytest.mark.root
def test_devices_terminals_and_shared_memory_work(boxed):
    script = """
    head -c 4 /dev/urandom | wc -c; echo x > /dev/null; head -c 2 /dev/zero | od -An -tx1
    echo to-stdout > /dev/stdout; echo > /dev/full; script -qc 'tty' /dev/null; echo x > /dev/shm/x && cat /dev/shm/x
    ls /dev/vda /dev/kmsg
    """
    text = boxed(lambda box: box.output(box.open(), script))
    assert text.startswith("4\n 00 00\nto-stdout\n")
    assert "echo: I/O error" in text
    assert "/dev/pts/0" in text
    assert "cannot access '/dev/kmsg'" in text


@pytest.mark.root
def test_kernel_settings_of_the_host_cannot_be_changed(boxed):
    script = "echo 1 > /proc/sys/vm/drop_caches; echo x > /sys/power/state; echo done"
    text = boxed(lambda box: box.output(box.open(), script))
    assert text.startswith("done\n")
    assert text.count("Read-only file system") == 2


@pytest.mark.root
def test_nothing_is_mounted_on_the_host(boxed):
    before = Path("/proc/self/mountinfo").read_text()

    def body(box):
        box.open()
        return Path("/proc/1/mountinfo").read_text()

    after = boxed(body)
    assert len(after.splitlines()) == len(before.splitlines())


@pytest.mark.root
def test_tmp_is_sticky_and_open_to_all(boxed):
    text = boxed(lambda box: box.output(box.open(), "stat -c %a /tmp /dev/shm /run /; touch /tmp/x", user="nobody"))
    assert text.split() == ["1777", "1777", "755", f"{stat.S_IMODE(os.stat('/').st_mode):o}"]


@pytest.mark.root
def test_directories_of_the_host_can_be_renamed(boxed):
    """By rename(2) itself: plain overlays answer EXDEV for a directory of a lower layer."""
    program = "import os; os.rename('/usr/share/misc', '/usr/share/misc2'); print(os.path.isdir('/usr/share/misc2'))"
    assert boxed(lambda box: box.read(box.python(box.open(), program))) == "True\n"


@pytest.mark.root
def test_a_directory_that_only_the_host_has_in_tmp_is_new_in_a_world(boxed, in_tmp):
    def body(box):
        world = box.open()
        box.output(world, f"mkdir -p {in_tmp}")
        return [(each.path, each.kind) for each in world.changed()]

    assert boxed(body)[-1] == (str(in_tmp), "directory")


@pytest.mark.root
def test_other_file_systems_of_the_host_are_under_layers_of_their_own(boxed, tmp_path):
    """One that is written to, a read-only one, a single file, and one that lies hidden under another."""
    base = Path("/var/tmp") / f"faultbox-mounts-{os.getpid()}"
    for name in ("rw", "ro", "over"):
        (base / name).mkdir(parents=True)
    (base / "file").write_text("below\n")
    (tmp_path / "file").write_text("bound\n")

    def body(box):
        for name in ("rw", "ro", "over"):
            mounts.mount("t", base / name, "tmpfs")
            (base / name / "x").write_text(f"{name}\n")
        (base / "over" / "deep").mkdir()
        mounts.mount("t", base / "over" / "deep", "tmpfs")
        mounts.mount("t", base / "over", "tmpfs")
        mounts.set_read_only(str(base / "ro"))
        mounts.bind(str(tmp_path / "file"), str(base / "file"))
        world = box.open()
        text = box.output(
            world, f"cd {base}; cat rw/x ro/x file; echo w > rw/x; echo w > ro/x; echo w > file; ls -A over"
        )
        return text, world.changed(), (base / "rw" / "x").read_text()

    try:
        text, changed, kept = boxed(body)
    finally:
        for name in ("rw", "ro", "over"):
            (base / name).rmdir()
        (base / "file").unlink()
        base.rmdir()
    assert text.startswith("rw\nro\nbound\n/bin/sh: 1: cannot create ro/x: Read-only file system\n")
    assert text.count("Read-only file system") == 2
    assert changed == [ChangedFile(f"{base}/rw/x", "file", 2)]
    assert kept == "rw\n"
    assert (tmp_path / "file").read_text() == "bound\n"


@pytest.mark.root
def test_what_the_spec_names_in_shared_memory_is_there(boxed):
    place = Path("/dev/shm") / f"faultbox-test-{os.getpid()}"
    place.mkdir()
    (place / "x").write_text("x\n")
    try:
        text = boxed(
            lambda box: box.output(box.open(visible=(place,)), f"cat {place}/x; echo y > {place}/x; ls /dev/shm")
        )
        assert (place / "x").read_text() == "x\n"
    finally:
        (place / "x").unlink()
        place.rmdir()
    assert text == f"x\n{place.name}\n"
