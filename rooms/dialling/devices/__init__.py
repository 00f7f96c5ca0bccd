"""The devices of halls: how a hall is equipped, and the profiles of makes."""
