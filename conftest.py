"""Shape and type annotations are checked while the tests run."""

from pathlib import Path

from jaxtyping import install_import_hook

SOURCE = Path(__file__).parent / "src"

# The command, configurations and questions show their own messages for a bad value; numba cannot
# compile functions that are wrapped.
UNCHECKED = ("cli", "training/config", "study/asked", "study/inquiry", "kernels")

modules = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
    if path.stem != "__init__" and not any(part in path.as_posix() for part in UNCHECKED)
]
install_import_hook(modules, "beartype.beartype")
