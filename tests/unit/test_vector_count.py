"""The count of golden vectors that the summary of a run shows."""

from __future__ import annotations

from tests import vector_count


def test_each_vector_counts_once_and_the_total_is_that_of_the_file() -> None:
    reports: list[vector_count.Properties] = [
        [("vector", "objects.json key_secpa"), ("other", "x")],
        [("vector", "objects.json key_secpa"), ("vector", "objects.json area_0")],
        [("vector", "core-objects.json text plain")],
        [],
    ]
    assert vector_count.summary(reports) == ["vectors core-objects.json: 1 of 113", "vectors objects.json: 2 of 176"]
    assert vector_count.summary([]) == []


def test_names_go_to_the_test_that_runs() -> None:
    first: vector_count.Properties = []
    second: vector_count.Properties = []
    mine = list(vector_count._running)
    try:
        vector_count.begin(first)
        vector_count.passed("objects.json", "area_0")
        vector_count.begin(second)
        vector_count.passed("objects.json", "area_1")
    finally:
        vector_count._running[:] = mine
    assert first == [("vector", "objects.json area_0")]
    assert second == [("vector", "objects.json area_1")]
