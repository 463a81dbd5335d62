"""Promises of `campaign_publisher/log`."""
