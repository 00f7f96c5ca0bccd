"""The routes of meetings and their dates: booking, invitations, and joining."""
