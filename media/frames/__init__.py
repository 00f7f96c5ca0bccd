"""Complete frames instead of packets, for the mixer process."""
