"""The handling of connections and requests before any route: listeners, TLS, parsers, checks of requests."""
