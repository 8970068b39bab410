"""docs/simulator.md says what there is: options, orders, operations, and tests by their names."""

import re
from pathlib import Path

import msgspec
import pytest

from ghproxy.simulator import main
from ghproxy.simulator.endpoints import OPERATIONS
from ghproxy.simulator.faults import FaultOrder
from ghproxy.simulator.holds import HoldOrder, Place
from ghproxy.simulator.orders import ClockOrder, LimitOrder, RenameOrder, WorldOrder
from tests.simulator.driver import Stage, play

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "simulator.md").read_text()


def test_every_test_the_page_names_is_there():
    named = re.findall(r"`(test_\w+)`", PAGE)
    there = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert len(named) > 30
    assert [name for name in named if f"def {name}(" not in there] == []


@pytest.mark.parametrize(
    "order", [FaultOrder, HoldOrder, ClockOrder, LimitOrder, RenameOrder, WorldOrder]
)
def test_every_key_of_an_order_is_on_the_page(order: type[msgspec.Struct]):
    absent = [name for name in order.__struct_fields__ if f'"{name}"' not in PAGE]
    assert [name for name in absent if f"`{name}`" not in PAGE] == []


def test_every_place_of_a_hold_is_on_the_page():
    assert [place for place in Place if f"`{place}`" not in PAGE] == []


def test_every_option_is_on_the_page(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    options = set(re.findall(r"--[\w-]+", capsys.readouterr().out)) - {"--help"}
    assert len(options) == 4
    assert [option for option in options if f"`{option}`" not in PAGE] == []


def test_every_part_of_the_reference_that_is_answered_is_on_the_page():
    parts = {operation.template.split("/")[1] for operation in OPERATIONS} - {""}
    assert [part for part in parts if f"/{part}" not in PAGE] == []


def test_every_key_of_the_journal_is_on_the_page():
    async def scene(stage: Stage) -> None:
        await stage.get("/zen")
        (entry,) = await stage.journal()
        assert [name for name in entry if f"`{name}`" not in PAGE] == []

    play(scene)
