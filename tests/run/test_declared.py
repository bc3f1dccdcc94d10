"""What a bundle says of a spec to those who will not evaluate it."""

from __future__ import annotations

import json
from pathlib import Path

from faultbox import plan as planner
from faultbox import spec
from faultbox.run.declared import declared

SPEC = """
db = service("db", "/bin/true", interface("main", "postgres", 5432))
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

    assert json.loads(json.dumps(said)) == said
    db, api = said["services"]
    assert db["interfaces"] == [{"name": "main", "protocol": "postgres", "port": 5432}]
    assert api["depends_on"] == ["db"]
    full, refused, both = said["assumptions"]
    assert (full["target"], full["description"]) == ("db", "no room")
    (fault,) = full["faults"]
    assert {**fault, "path": ""} == {
        "keyword": "write",
        "action": "deny",
        "text": "deny(ENOSPC)",
        "path": "",
        "on": "",
        "direction": "",
    }
    assert fault["path"] == "/data/*"
    (rule,) = refused["rules"]
    assert (rule["action"], rule["side"], rule["match"]) == ("error", "request", {"query": "INSERT*"})
    assert both["children"] == ["full", "refused"]
    assert said["excluded"] == [{"matrix": 0, "row": "look", "column": "full"}]
