"""The bytes of SIP and of the bodies that it carries, read and written. Keeps no state."""
