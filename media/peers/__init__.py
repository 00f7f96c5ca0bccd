"""One WebRTC peer connection: its descriptions, its sections, its path."""
