"""The functions that specs call: one file a topic.

`predeclared` gives them all, bound to a session; `declared` makes the Spec when all files are loaded.
The rest is what a planner needs to read functions and to name cases.
"""

from faultbox.spec.builtins.bind import predeclared
from faultbox.spec.builtins.declare import REGISTRY as BUILTINS
from faultbox.spec.builtins.declare import name_of
from faultbox.spec.builtins.filters import Filter
from faultbox.spec.builtins.finish import declared
from faultbox.spec.builtins.matchers import Several, alternatives
from faultbox.spec.builtins.names import cell_id, scenario_names
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.builtins.values import Invocation, function_name
from faultbox.spec.functions import Function

__all__ = [
    "BUILTINS",
    "Filter",
    "Function",
    "Invocation",
    "Several",
    "Struct",
    "alternatives",
    "cell_id",
    "declared",
    "function_name",
    "name_of",
    "predeclared",
    "scenario_names",
]
