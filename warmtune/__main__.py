"""`python -m warmtune`, the same as the `warmtune` command."""

from warmtune.cli.main import entry

if __name__ == "__main__":
    entry()
