"""The campaigns that an instance holds, and how it keeps them fresh."""
