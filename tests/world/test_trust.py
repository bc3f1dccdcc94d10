"""A world's own authority: in the files of the system and beside the spec, and nothing of the host is changed."""

from pathlib import Path

import pytest

from faultbox.model.source import Position
from faultbox.model.topology import Service
from faultbox.world import Trust, environment, trust

OURS = b"-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system with one file of authorities, a link to it, and a directory of theirs."""
    (tmp_path / "certs").mkdir()
    (tmp_path / "real.crt").write_bytes(b"theirs")
    (tmp_path / "bundle.crt").symlink_to("real.crt")
    monkeypatch.setattr(trust, "BUNDLES", (str(tmp_path / "missing.crt"), str(tmp_path / "bundle.crt")))
    monkeypatch.setattr(trust, "DIRECTORY", str(tmp_path / "certs"))
    return tmp_path


def test_it_is_added_to_whoever_is_trusted(system):
    own = system / "own.pem"
    own.write_bytes(b"own\n")
    assert trust.files(Trust(OURS, "12.0", (str(own), str(system / "nowhere.pem")))) == {
        trust.AUTHORITY: OURS,
        trust.BUNDLE: b"theirs\n" + OURS,
        str(system / "real.crt"): b"theirs\n" + OURS,
        str(own): b"own\n" + OURS,
        str(system / "certs" / "12.0"): OURS,
    }


def test_a_system_that_trusts_nobody(system):
    (system / "bundle.crt").unlink()
    (system / "certs").rmdir()
    assert trust.files(Trust(OURS, "12.0")) == {trust.AUTHORITY: OURS, trust.BUNDLE: OURS}


def test_programs_are_told_where_it_is_unless_the_spec_says_otherwise():
    service = Service("api", "/bin/x", Position("spec.star", 1), env={"SSL_CERT_FILE": "/mine"})
    found = environment(service, [], host={}, trusting=True)
    assert found["FAULTBOX_CA"] == found["NODE_EXTRA_CA_CERTS"] == trust.AUTHORITY
    assert found["CURL_CA_BUNDLE"] == found["REQUESTS_CA_BUNDLE"] == trust.BUNDLE
    assert found["SSL_CERT_FILE"] == "/mine"
    assert "FAULTBOX_CA" not in environment(service, [], host={})


SCRIPT = (
    f"cat {trust.AUTHORITY}; grep -c ours {BUNDLE} {trust.BUNDLE}; cat /etc/ssl/certs/12.0; cat /data/own.pem; id -u"
)


def looked_at(box, place):
    """What a service sees of it, where a volume shows one of the files too; and what the world has written."""
    world = box.open(trust=Trust(OURS, "12.0", (str(place / "own.pem"),)), volumes={"/data": str(place)})
    return box.output(world, SCRIPT), world.changed()


EXPECTED = f"{OURS.decode()}{BUNDLE}:1\n{trust.BUNDLE}:1\n{OURS.decode()}own\n0\n"


@pytest.mark.root
def test_a_world_has_it_and_the_host_has_not(boxed, tmp_path):
    (tmp_path / "own.pem").write_text("own\n")
    before = Path(BUNDLE).read_bytes()
    assert boxed(lambda box: looked_at(box, tmp_path)) == (EXPECTED, [])
    assert Path(BUNDLE).read_bytes() == before
    assert not Path("/etc/ssl/certs/12.0").exists()


@pytest.mark.root
def test_without_root_too(as_nobody):
    def body(box):
        place = box.layout.run_dir / "data"
        place.mkdir()
        (place / "own.pem").write_text("own\n")
        return looked_at(box, place)

    assert as_nobody(body) == (EXPECTED, [])
