"""What users of Profile Matcher can rely on."""
