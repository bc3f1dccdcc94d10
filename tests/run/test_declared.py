"""What a bundle says of a spec to those who will not evaluate it."""

from __future__ import annotations

import json
from pathlib import Path

from faultbox import plan as planner
from faultbox import spec
from faultbox.model.declared import Declared, DeclaredFault, DeclaredInterface, ExcludedPair
from faultbox.model.record import from_json, to_json
from faultbox.run.declared import declared

SPEC = """
db = service("db", "/bin/true", interface("main", "postgres", 5432),
    ops={"persist": op(syscalls=["write", "fsync"], path="/data/*")})
api = service("api", "/bin/true", interface("http", "http", 8080), depends_on=[db])

full = fault_assumption("full", target=db, description="no room", write=deny("ENOSPC", path="/data/*"))
refused = fault_assumption("refused", target=db.main, rules=[error(query="INSERT*", message="no")])
both = fault_assumption("both", faults=[full, refused])

def order():
    pass

def look():
    pass

scenario(order)
scenario(look)
fault_matrix(scenarios=[order, look], faults=[full, both], exclude=[(look, full)])
"""


def test_services_assumptions_and_what_is_excluded(tmp_path: Path) -> None:
    path = tmp_path / "spec.star"
    path.write_text(SPEC)
    said = declared(planner.plan(spec.load(path, seed=1), seed=1))

    assert from_json(Declared, json.loads(json.dumps(to_json(said)))) == said
    db, api = said.services
    assert db.interfaces == (DeclaredInterface("main", "postgres", 5432),)
    assert (db.ops, db.files) == ({"persist": ("fsync", "write")}, ("persist",))
    assert api.depends_on == ("db",)
    full, refused, both = said.assumptions
    assert (full.target, full.description) == ("db", "no room")
    assert full.faults == (DeclaredFault("write", "deny", "deny(ENOSPC)", "/data/*"),)
    (rule,) = refused.rules
    assert (rule.action, rule.side, rule.match) == ("error", "request", {"query": "INSERT*"})
    assert both.children == ("full", "refused")
    assert said.excluded == (ExcludedPair(0, "look", "full"),)
