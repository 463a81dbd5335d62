"""The campaign service: the change log, /campaigns, and the publishing of snapshots."""
