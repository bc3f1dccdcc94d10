"""Objects, maps and links."""

import errno
import os

import pytest

from faultbox.linux import bpf, namespaces, tc

pytestmark = pytest.mark.root


@pytest.fixture
def steer():
    loaded = bpf.load("steer")
    yield loaded
    for descriptor in (*loaded.programs.values(), *loaded.maps.values()):
        os.close(descriptor)


def test_programs_and_maps_by_name_close_on_exec(steer):
    assert set(steer.programs) == {"steer_egress", "steer_ingress", "steer_lookup"}
    assert {"edges", "slots", "listeners"} <= set(steer.maps)
    assert not any(map(os.get_inheritable, (*steer.programs.values(), *steer.maps.values())))


def test_elements_of_a_map(steer):
    slots = steer.maps["slots"]
    first, second = (number.to_bytes(4, "little") for number in (1, 2))
    assert bpf.lookup(slots, first, 8) is None
    bpf.update(slots, first, b"12345678", bpf.NOEXIST)
    with pytest.raises(FileExistsError):
        bpf.update(slots, first, b"abcdefgh", bpf.NOEXIST)
    bpf.update(slots, first, b"abcdefgh")
    bpf.update(slots, second, bytes(8))
    assert bpf.lookup(slots, first, 8) == b"abcdefgh"
    assert sorted(bpf.keys(slots, 4)) == [first, second]
    assert bpf.delete(slots, first)
    assert not bpf.delete(slots, first)
    assert bpf.keys(slots, 4) == [second]


def test_a_link_to_no_interface(steer):
    with pytest.raises(OSError, match="bpf: No such device") as raised:
        bpf.attach(steer.programs["steer_egress"], 4242, bpf.TCX_EGRESS)
    assert raised.value.errno == errno.ENODEV


def test_what_the_verifier_says_is_told(monkeypatch, tmp_path):
    whole = (bpf.OBJECTS / "steer.bpf.o").read_bytes()
    (tmp_path / "broken.bpf.o").write_bytes(whole.replace(b"\x85\0\0\0\x53\0\0\0", b"\x85\0\0\0\xff\x7f\0\0"))
    monkeypatch.setattr(bpf, "OBJECTS", tmp_path)
    with pytest.raises(bpf.NoBpf, match=r"the kernel refuses broken\.bpf\.o \(Invalid argument: .*func.*#32767"):
        bpf.load("broken")


def test_filters_come_and_go(steer, forked):
    def body():
        namespaces.unshare(namespaces.NEWNET)
        tc.add_clsact(1)
        with pytest.raises(FileExistsError):
            tc.add_clsact(1)
        tc.add_filter(1, tc.EGRESS, steer.programs["steer_egress"], "faultbox/test", 1)
        tc.remove_filter(1, tc.EGRESS, 1)
        with pytest.raises(FileNotFoundError):
            tc.remove_filter(1, tc.EGRESS, 1)
        tc.remove_clsact(1)
        tc.add_clsact(1)

    forked(body)


def test_one_more_address_of_version_6(forked):
    def body():
        import socket

        namespaces.unshare(namespaces.NEWNET)
        namespaces.loopback_up()
        for _ in range(2):
            namespaces.add_loopback_address6("fdfb:77::9")
        with socket.socket(socket.AF_INET6) as server:
            server.bind(("fdfb:77::9", 0))

    forked(body)
