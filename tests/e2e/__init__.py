"""Both services as processes, seen through HTTP and AMQP only."""
