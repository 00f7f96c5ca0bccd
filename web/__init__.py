"""The directory of the built browser pages.

This module contains only the path of the compiled pages. The pages themselves are TypeScript in `src/`.
"""

from pathlib import Path
from typing import Final

DIST: Final[Path] = Path(__file__).parent / "dist"
"""The output of `npm run build`: `index.html` and `assets/`. Absent in a source tree that was not built."""
