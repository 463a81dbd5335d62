"""Publishing snapshots and heartbeats to RabbitMQ."""
