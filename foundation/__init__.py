"""What both services' processes have in common: settings, errors, tokens, connections."""
