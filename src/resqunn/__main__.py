"""`python -m resqunn` is the `resqunn` command."""

from resqunn.cli import main

main()
