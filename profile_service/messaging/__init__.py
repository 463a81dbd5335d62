"""Events from RabbitMQ, and the dead letters of unreadable ones."""
