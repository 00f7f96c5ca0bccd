"""The mixer of one conference: composed pictures and mixed sound for halls, made in a separate process.

`mixer.py` is the parent's side, and `python -m media.mixer` is the process. A `Scene` describes everything that the process
makes.
"""
