"""Tracks: publishing, subscriptions, speakers, and connection quality."""
