"""Metrics in Prometheus's text format."""

from prometheus_client.parser import text_string_to_metric_families

from foundation.metrics import Labelled, metrics, metrics_answer


def test_metrics_are_read_as_they_were_given() -> None:
    """A parser of the format finds each value, its kind and its labels."""
    answer = metrics_answer(
        metrics(
            [("service_ready", "Whether it is.", True), ("service_age_seconds", "Its age.", 1.5)],
            [
                (
                    "service_events",
                    "Events.",
                    Labelled(("kind",), {('a\n"b"',): 3, ("c",): 0}),
                ),
                ("service_failures", "Failures.", 7),
            ],
        )
    )
    families = {each.name: each for each in text_string_to_metric_families(_text(answer.body))}
    assert families["service_ready"].samples[0].value == 1.0
    assert families["service_age_seconds"].samples[0].value == 1.5
    assert families["service_events"].type == "counter"
    assert {
        (sample.labels["kind"], sample.value) for sample in families["service_events"].samples
    } == {('a\n"b"', 3.0), ("c", 0.0)}
    assert families["service_failures"].samples[0].name == "service_failures_total"
    assert str(answer.media_type).startswith("text/plain; version=")


def test_what_is_not_known_has_no_value() -> None:
    """A gauge of nothing is named and has no sample, which is no zero."""
    text = _text(metrics_answer(metrics([("service_revision", "The revision.", None)], [])).body)
    assert "# TYPE service_revision gauge" in text
    assert "\nservice_revision " not in text


def test_the_process_is_measured() -> None:
    """Memory and processor time come with every answer."""
    text = _text(metrics_answer([]).body)
    assert "process_resident_memory_bytes " in text
    assert "process_cpu_seconds_total " in text


def _text(body: bytes | memoryview) -> str:
    return bytes(body).decode()
