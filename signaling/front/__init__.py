"""The way of connections and requests before any route: listeners, TLS, parsers, checks of requests."""
