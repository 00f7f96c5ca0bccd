"""The mixer of one conference: composed pictures and mixed sound for halls, made in a process of its own.

`mixer.py` is the parent's side; `python -m media.mixer` is the process. A `Scene` says all that it is to make.
"""
