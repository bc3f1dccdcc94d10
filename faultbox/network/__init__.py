"""What happens between services."""

from faultbox.network.handle import Handle
from faultbox.network.network import Network, attach
from faultbox.network.programs import NoNetworkFaults, Programs, prepare
from faultbox.network.sever import sever

__all__ = ["Handle", "Network", "NoNetworkFaults", "Programs", "attach", "prepare", "sever"]
