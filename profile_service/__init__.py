"""The profile service: the campaign cache, matching, and /get_client_config."""
