"""What happens between services."""

from faultbox.network.sever import sever

__all__ = ["sever"]
