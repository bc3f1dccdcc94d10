"""Worlds without root: the same, by a user namespace, for uid 65534."""

import pytest

from faultbox.model.host import ExitStatus
from faultbox.world import ChangedFile, LaunchError, Layout, discard, mount_frozen

pytestmark = pytest.mark.root  # to become nobody; the worlds themselves are made without


def test_a_world_of_nobody(as_nobody):
    def body(box):
        world = box.open(services=("api", "db"))
        script = """
        id -u; cat /proc/1/comm; getent hosts db; ls /tmp /run; ls /sys/class/net; echo x > /tmp/state
        head -c 1 /dev/zero | wc -c; : > /dev/null && echo null; echo y > /dev/shm/y; ls /usr/bin/env
        ls -d /var/lib/dpkg; echo z > /var/tmp/faultbox-z
        """
        text = box.output(world, script)
        (end,) = box.exits(world, 1)
        return text, end.status, world.changed()

    text, status, changed = as_nobody(body)
    assert text.split("\n")[:3] == ["0", "faultbox-init", "127.0.0.1       db"]
    assert text.split("\n")[3:] == ["/run:", "", "/tmp:", "lo", "1", "null", "/usr/bin/env", "/var/lib/dpkg", ""]
    assert status == ExitStatus(0, None)
    assert changed == [ChangedFile("/tmp/state", "file", 2), ChangedFile("/var/tmp/faultbox-z", "file", 2)]


def test_processes_are_found_and_ended_without_cgroups(as_nobody, until):
    def body(box):
        world = box.open()
        process = box.sh(world, "trap '' TERM; setsid sleep 100 & echo up; while :; do sleep 100; done")
        assert box.read_some(process) == "up\n"
        until(lambda: len(world.members("api")) == 3, "the shell and both sleeps are found")
        return world.alive("api"), world.stop({"api": (15, 100)}), world.members("api"), world.alive("api")

    assert as_nobody(body) == (True, ["api"], [], False)


def test_another_user_is_refused_with_advice(as_nobody):
    def body(box):
        with pytest.raises(LaunchError, match="without root only your own user exists"):
            box.sh(box.open(), "true", user="daemon")

    as_nobody(body)


def test_a_filter_works(as_nobody, notifying_mkdir, serve_errors):
    def body(box):
        world = box.open()
        process = box.sh(world, "mkdir /tmp/a", filter=notifying_mkdir, attach=serve_errors)
        return box.read(process)

    assert "No space left on device" in as_nobody(body)


def test_frozen_layers_and_volumes(as_nobody):
    def body(box):
        seeding = box.open("seed")
        box.output(seeding, "mkdir /tmp/db; echo row > /tmp/db/rows; mkdir /srv2; echo s > /srv2/s")
        frozen = mount_frozen(seeding.freeze())
        layout = Layout(box.layout.run_dir, box.layout.layers_dir, seed=frozen)
        data = box.layout.run_dir / "data"
        data.mkdir()
        world = box.open("next", layout=layout, volumes={"/data": str(data)})
        text = box.output(world, "cat /tmp/db/rows /srv2/s; echo out > /data/file")
        changed = world.changed()
        world.close()
        discard(frozen)
        return text, (data / "file").read_text(), changed

    assert as_nobody(body) == ("row\ns\n", "out\n", [])
