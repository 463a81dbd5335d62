"""How fast Profile Matcher is: each benchmark measures it beside something known."""
