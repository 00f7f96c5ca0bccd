"""How connections and requests come in, before any route is asked: listeners, TLS, parsers, checks of requests."""
