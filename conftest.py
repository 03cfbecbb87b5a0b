"""Shape and type annotations are checked while the tests run."""

from jaxtyping import install_import_hook

CHECKED = ["analysis", "circuits", "data", "engines", "nn", "training"]

install_import_hook([f"resqunn.{name}" for name in CHECKED], "beartype.beartype")
