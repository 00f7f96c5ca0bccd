"""Where the built browser pages lie.

Owns the path of the compiled pages and nothing else; what the pages do is written in TypeScript under `src/`.
"""

from pathlib import Path
from typing import Final

DIST: Final[Path] = Path(__file__).parent / "dist"
"""The output of `npm run build`: `index.html` and `assets/`. Absent in a source tree that was not built."""
