"""Addresses of our own pages that more than one part of the server hands out."""

from __future__ import annotations


def sign_in_link(base: str, secret: str) -> str:
    """Return the link to sign in. `base` has no slash at its end. The secret follows `#`, so it reaches no server and no log."""
    return f"{base}/sign-in#link={secret}"
