"""Where the campaign service keeps its change log."""
