"""`python -m patternc` is the `patternc` command."""

from patternc.cli.main import main

main()
