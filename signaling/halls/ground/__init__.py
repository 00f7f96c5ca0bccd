"""The limits of the calls of halls. The folder imports nothing else of `signaling.halls`."""
