"""Promises of `campaign_publisher/campaigns`."""
