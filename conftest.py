"""Shapes, and the types beside them, are checked while the tests run."""

from pathlib import Path

from jaxtyping import install_import_hook

SOURCE = Path(__file__).parent / "src"

# Types alone are pyright's. numba cannot compile functions that are wrapped.
modules = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
    if "from jaxtyping" in path.read_text(encoding="utf-8") and "kernels" not in path.parts
]
install_import_hook(modules, "beartype.beartype")
