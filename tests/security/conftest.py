"""The fixtures of the security tests: the real node of the media tests and the servers of the interop tests."""

from tests.interop.conftest import person, server
from tests.media.conftest import node, router

__all__ = ["node", "person", "router", "server"]
