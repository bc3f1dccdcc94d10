"""Names that specs for later versions use: each is refused by what it waits for, never ignored."""

from __future__ import annotations

from faultbox.spec.builtin import Builtin, CallSite
from faultbox.spec.builtins.declare import Call, not_available
from faultbox.spec.session import Session

NEEDS = {
    "packet faults": (
        "packet_drop packet_pass packet_reset packet_delay packet_reorder packet_duplicate packet_corrupt "
        "packet_window bandwidth mtu"
    ),
    "mock services": (
        "mock_service json_response text_response bytes_response status_only redirect dynamic grpc_response "
        "grpc_typed_response grpc_raw_response grpc_error jwt_keypair jwt_sign jwt_jwks"
    ),
    "exploration": "nondet choose halt assume determinism",
    "temporal expectations": "eventually always await_stable await_event duration",
    "file observation": "watch watch_start watch_stop",
    "clients from API contracts": "client",
    "remote services": "remotes",
    "a client for kafka": "kafka_ready",
    "a YAML reader": "load_yaml",
}
"""Feature to the names that need it."""


def unavailable(session: Session) -> dict[str, object]:
    """The names as functions that refuse every call."""
    return {name: _refusing(session, name, feature) for feature, several in NEEDS.items() for name in several.split()}


def _refusing(session: Session, name: str, feature: str) -> Builtin:
    def refuse(site: CallSite, _args: object, _named: object) -> object:
        return Call(session, name, site).guard(_raise)

    def _raise(_call: Call) -> object:
        raise not_available(f"needs {feature}")

    return Builtin(name, refuse, f"Needs {feature}, which this version does not have yet.")
