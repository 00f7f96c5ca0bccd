"""The mixer of one conference: composed pictures and mixed sound for halls, made in a process of its own.

`Mixer` is the parent's side; `python -m media.mixer` is the process. A `Scene` says all that it is to make.
"""

from media.mixer.ground.scene import Group, Mix, Prompt, Scene, SceneError, SiteInfo, Source, Voice
from media.mixer.mixer import Mixer, MixerEvents

__all__ = [
    "Group",
    "Mix",
    "Mixer",
    "MixerEvents",
    "Prompt",
    "Scene",
    "SceneError",
    "SiteInfo",
    "Source",
    "Voice",
]
