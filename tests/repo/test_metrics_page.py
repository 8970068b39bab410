from pathlib import Path

from ghproxy.core.outcome import CacheMode
from ghproxy.telemetry.metrics import METRICS
from scripts.metrics_page import LABELS, metrics_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == metrics_page(), "run scripts/generate-docs"


def test_the_page_names_every_metric_label_and_mode() -> None:
    page = metrics_page()
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.kind} | {metric.unit} |" in page
    for mode in CacheMode:
        assert f"`{mode}`" in page
    assert set(LABELS) == {label for metric in METRICS for label in metric.labels}


def test_a_meaning_fits_a_help_line_and_a_table_cell() -> None:
    for metric in METRICS:
        assert not set(metric.meaning) & set("\\\n|")
