"""What operators do with campaigns: parsing, preconditions, edits and their commits."""
