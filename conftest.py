"""Shape and type annotations are checked while the tests run."""

from jaxtyping import install_import_hook

# Not the configuration: its own messages are what a bad value should meet.
CHECKED = ["analysis", "circuits", "data", "engines", "nn", "training.loop", "training.run"]

install_import_hook([f"resqunn.{name}" for name in CHECKED], "beartype.beartype")
