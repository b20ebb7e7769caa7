"""`python -m warmtune`, the same as the `warmtune` command."""

from warmtune.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
