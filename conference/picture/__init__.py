"""What halls see and hear, and who may present."""
