"""A service's environment: what the spec says, where the others are, and nothing of this machine."""

import pwd

from faultbox.model.source import Position
from faultbox.model.topology import Interface, Service
from faultbox.world import environment

HERE = Position("spec.star", 1)


def make(name, *ports, **how):
    interfaces = tuple(Interface(f"if-{port}", "tcp", port, HERE) for port in ports)
    return Service(name, "/bin/x", HERE, interfaces=interfaces, **how)


def test_it_is_closed():
    host = {"PATH": "/here", "HOME": "/home/me", "SECRET": "x", "LANG": "de_DE", "PYTHONHASHSEED": "9"}
    assert environment(make("api"), [make("api")], host=host) == {
        "PATH": "/here",
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
    }


def test_every_interface_is_named():
    db = make("geo-config.2", 5432, 99)
    found = environment(make("api"), [make("api"), db], host={})
    assert {key: value for key, value in found.items() if key.startswith("FAULTBOX")} == {
        "FAULTBOX_GEO_CONFIG_2_IF_5432_ADDR": "localhost:5432",
        "FAULTBOX_GEO_CONFIG_2_IF_5432_HOST": "localhost",
        "FAULTBOX_GEO_CONFIG_2_IF_5432_PORT": "5432",
        "FAULTBOX_GEO_CONFIG_2_IF_99_ADDR": "localhost:99",
        "FAULTBOX_GEO_CONFIG_2_IF_99_HOST": "localhost",
        "FAULTBOX_GEO_CONFIG_2_IF_99_PORT": "99",
    }


def test_the_spec_wins():
    api = make("api", 80, env={"LANG": "fr_FR", "FAULTBOX_API_IF_80_ADDR": "mine", "EXTRA": ""})
    found = environment(api, [api], host={})
    assert (found["LANG"], found["FAULTBOX_API_IF_80_ADDR"], found["EXTRA"]) == ("fr_FR", "mine", "")


def test_a_user_has_a_home():
    nobody = pwd.getpwnam("nobody")
    for user in ("nobody", "nobody:root", str(nobody.pw_uid)):
        assert environment(make("api", user=user), [], host={"HOME": "/root"})["HOME"] == nobody.pw_dir
    assert environment(make("api", user="4711"), [], host={"HOME": "/root"})["HOME"] == "/root"


def test_without_a_host_environment_there_is_a_path():
    found = environment(make("api"), [], host={})
    assert "/usr/bin" in found["PATH"].split(":")
    assert found["HOME"] == "/"
