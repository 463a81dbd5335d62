"""Promises of `campaign_publisher/publishing`."""
