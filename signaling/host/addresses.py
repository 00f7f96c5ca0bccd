"""Addresses of our own pages that more than one part of the server gives away."""

from __future__ import annotations


def sign_in_link(base: str, secret: str) -> str:
    """`base` without a slash at its end. The secret stands behind `#`: servers and their logs never see it."""
    return f"{base}/sign-in#link={secret}"
