"""Events from RabbitMQ, and the dead letters."""
