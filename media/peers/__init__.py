"""The WebRTC peer connection: descriptions, sections, path."""
