"""Booking requests: a request, its plan, its preview, and templates for the next request."""
