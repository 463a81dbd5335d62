"""What the installed command runs: Ctrl-C ends it quietly, even while modules are imported."""

import sys

INTERRUPTED = 130


def run() -> None:
    """Run the command profile-matcher."""
    try:
        from command_line.main import app  # noqa: PLC0415 - it takes most of a second

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
