"""How soon a change reaches every instance."""
