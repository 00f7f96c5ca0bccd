"""Whole frames in place of packets, for the mixer process."""
