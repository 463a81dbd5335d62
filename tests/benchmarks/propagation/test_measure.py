"""The propagation benchmark, on a real RabbitMQ and a MongoDB."""

from benchmarks.propagation import measure as propagation
from benchmarks.servers.existing_servers import Urls


def test_sees_each_change_in_each_instance(amqp_url: str, mongo_url: str) -> None:
    """Every change reaches the instances, and the same bytes the bare consumers."""
    urls = Urls(amqp=amqp_url, mongo=mongo_url)
    result = propagation.run(instances=(2,), sizes=(20,), changes=2, urls=urls)
    (measured,) = result.measured
    assert len(measured.changes) == len(measured.bare) == 2
    assert min(measured.changes + measured.bare) > 0
    assert [row[:2] for row in result.tables[0].rows] == [["2", 20]]
