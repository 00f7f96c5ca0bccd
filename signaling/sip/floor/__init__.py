"""The content token over BFCP (RFC 8855): the server and its channel to one terminal."""
