import pytest

from ghproxy.core.entity_tag import is_current, opaque_tag, strong_form


@pytest.mark.parametrize(
    ("entity_tag", "opaque"),
    [
        (b'"abc"', b"abc"),
        (b'W/"abc"', b"abc"),
        (b'W/""', None),
        (b'""', None),
        (b"abc", None),
        (b'w/"abc"', None),
        (b'"a"b"', None),
        (b'"abc" ', None),
        (b"", None),
    ],
)
def test_the_opaque_tag_is_what_stands_between_the_quotes(entity_tag, opaque):
    assert opaque_tag(entity_tag) == opaque


@pytest.mark.parametrize(
    "condition",
    [b'"abc"', b'W/"abc"', b'"x", W/"abc"', b'"x","abc"', b"*", b" * "],
)
def test_a_condition_that_names_the_tag_is_current_whatever_its_weakness(condition):
    assert is_current([condition], b'W/"abc"')
    assert is_current([condition], b'"abc"')


@pytest.mark.parametrize("condition", [b"", b'"abcd"', b'""', b"abc", b'"ab", "c"', b"**"])
def test_a_condition_that_names_another_tag_is_not_current(condition):
    assert not is_current([condition], b'"abc"')


def test_every_line_of_the_condition_counts():
    assert is_current([b'"x"', b'"abc"'], b'"abc"')


def test_an_empty_entity_tag_is_current_for_nobody_but_the_star():
    assert not is_current([b'W/""'], b'W/""')


def test_the_strong_form_only_loses_its_mark():
    assert strong_form(b'W/"abc"') == b'"abc"'
    assert strong_form(b'"W/abc"') == b'"W/abc"'
