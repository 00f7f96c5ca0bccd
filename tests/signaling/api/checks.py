"""The results of a good check of devices, as the page sends them."""

from typing import Any, Final

FIGURES: Final[dict[str, Any]] = {
    "network": {
        "verdict": "good",
        "way": "udp",
        "udp": True,
        "tcp": True,
        "relay": None,
        "rtt_ms": 12,
        "jitter_ms": 3,
        "up_loss": 0.0,
        "down_loss": 0.004,
        "up_kbps": 1840,
        "down_kbps": 1790,
        "limit": "none",
        "height_back": 720,
    },
    "microphone": {"verdict": "good", "failure": "", "heard": True, "level": 0.62},
    "speaker": {"verdict": "good", "heard": True},
    "camera": {"verdict": "good", "failure": "", "width": 1280, "height": 720, "fps": 30, "dark": False},
    "browser": {"family": "chromium", "major": 156, "system": "windows"},
}
