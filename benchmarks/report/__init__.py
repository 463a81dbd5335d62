"""Results as JSON, and the tables and curves made of them."""
