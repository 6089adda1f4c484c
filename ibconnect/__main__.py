"""``ibconnect`` and ``python -m ibconnect``: the command line, and what must not wait for its imports."""

import sys


def main() -> int:
    """Run one verb; the return value is the exit code."""
    if sys.argv[1:2] == ["health"]:
        # Asked every few seconds by whoever watches over the service: half a second of CPU each time would be felt.
        from ibconnect.cli import health

        return health.main(sys.argv[2:])
    if sys.argv[2:3] == ["--child"]:
        # A process of `ibconnect serve`, which loads what it needs alone.
        from ibconnect.service import child

        return child.main(sys.argv[1:])
    from ibconnect.cli import main as cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
