"""The real node of the media tests, the servers of the interop tests."""

from tests.interop.conftest import alone, person, server
from tests.media.conftest import node, router

__all__ = ["alone", "node", "person", "router", "server"]
