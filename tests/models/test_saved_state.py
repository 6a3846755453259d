# SPDX-License-Identifier: MIT
"""The checks that saved states pass: each takes what fits, and names the field of what does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from models.saved_state import Fields, pack
from testbed.remoteport.device import StateError

Take = Callable[[Fields], Any]


def fields(value: Any) -> Fields:
    return Fields("dev", {"a": {"b": value}}, ("a",)).part("a", {"b": value}, ("b",))


TAKEN: list[tuple[Take, Any, Any]] = [
    (lambda f: f.value("b"), "x", "x"),
    (lambda f: f.number("b", 9, 2), 9, 9),
    (lambda f: f.number("b", 9, 2), 2, 2),
    (lambda f: f.item("b", 3, 3), [3], 3),
    (lambda f: f.bits("b", 0xA), 8, 8),
    (lambda f: f.bits_or_none("b", 0xA), None, None),
    (lambda f: f.bits_or_none("b", 0xA), 2, 2),
    (lambda f: f.one_of("b", (1, 300)), 300, 300),
    (lambda f: f.seconds("b"), 3, 3.0),
    (lambda f: f.seconds("b"), 0, 0.0),
    (lambda f: f.flag("b"), False, False),
    (lambda f: f.items("b", 2), [1, "x"], [1, "x"]),
    (lambda f: f.exactly("b", 2), [1, "x"], [1, "x"]),
    (lambda f: f.numbers("b", 2, 5), [0, 5], [0, 5]),
    (lambda f: f.masked("b", 3, 0xA), [8, 2], [8, 2]),
    (lambda f: f.flags("b", 2), [True, False], [True, False]),
    (lambda f: f.pairs("b", 2), [[1, 2]], [(1, 2)]),
    (lambda f: f.mapping("b", 12), {"11": 5}, {11: 5}),
    (lambda f: f.packed("b", 3), pack(b"abc"), b"abc"),
    (lambda f: f.unpack("b", pack(b"abc"), 3), [], b"abc"),
    (lambda f: f.hexadecimal("b", 2), "0aff", b"\x0a\xff"),
]


@pytest.mark.parametrize(("take", "value", "result"), TAKEN)
def test_what_fits_is_taken(take: Take, value: Any, result: Any) -> None:
    taken = take(fields(value))
    assert taken == result
    assert type(taken) is type(result)


REFUSED: list[tuple[Take, list[Any]]] = [
    (lambda f: f.number("b", 9, 2), [1, 10, True, 3.0, "3", None]),
    (lambda f: f.item("b", f.value("b")[0], 3), [[4], [-1], [True], ["3"]]),
    (lambda f: f.bits("b", 0xA), [1, 16, -1, True, 2.0, None]),
    (lambda f: f.bits_or_none("b", 0xA), [1, -1, False, "2"]),
    (lambda f: f.one_of("b", (0, 1, 300)), [2, True, 1.0, "1", None]),
    (lambda f: f.seconds("b"), [-0.5, 1e12, float("nan"), True, "1"]),
    (lambda f: f.flag("b"), [0, 1, None, "true"]),
    (lambda f: f.items("b", 2), [[1, 2, 3], {}, "ab", None]),
    (lambda f: f.exactly("b", 2), [[1], [1, 2, 3], "ab"]),
    (lambda f: f.numbers("b", 2, 5), [[0], [0, 6], [0, -1], [0, True], "ab"]),
    (lambda f: f.masked("b", 2, 0xA), [[1], [-1], [True], ["2"], [2, 2, 2], "ab"]),
    (lambda f: f.flags("b", 2), [[True], [True, 1], [True] * 3, True]),
    (lambda f: f.pairs("b", 2), [[[1]], [[1, 2, 3]], ["ab"], [[1, 2]] * 3, {}]),
    (lambda f: f.mapping("b", 12), [{"12": 0}, {"-1": 0}, {"x": 0}, {"\u0661": 0}, {"": 0}, []]),
    (lambda f: f.mapping("b", 12), [{"0" * 21: 0}]),
    (lambda f: f.packed("b", 3), [pack(b"ab"), pack(b"abcd"), "AAAA", "!", "\u00e9", 5, None]),
    (lambda f: f.packed("b", 3), ["!" + pack(b"abc")]),
    (lambda f: f.unpack("b", f.value("b")[0], 3), [[pack(b"ab")], [5]]),
    (lambda f: f.hexadecimal("b", 2), ["0a", "0aff00", "zz", 7, None]),
]


@pytest.mark.parametrize(
    ("take", "value"), [(take, value) for take, values in REFUSED for value in values]
)
def test_what_does_not_fit_is_refused_by_name(take: Take, value: Any) -> None:
    held = re.escape(f"{value!r:.90}")
    with pytest.raises(StateError, match=f"^dev: field 'a\\.b' holds {held}, .") as caught:
        take(fields(value))
    assert len(str(caught.value)) < 240


def test_the_item_that_does_not_fit_is_named() -> None:
    with pytest.raises(StateError, match=r"expected 0 to 5, not 77$"):
        fields([0] * 99 + [77]).numbers("b", 100, 5)
    with pytest.raises(StateError, match=r"expected bits of 0x8, not 7$"):
        fields([0] * 99 + [7]).masked("b", 100, 8)


def test_a_model_words_its_own_errors_the_same() -> None:
    assert str(fields(7).error("b", "but PxCMD.ST is clear")) == (
        "dev: field 'a.b' holds 7, but PxCMD.ST is clear"
    )


@pytest.mark.parametrize(
    ("state", "place", "said"),
    [
        ({"x": 1}, "", "dev: field 'y' is missing"),
        ({"x": 1, "y": 2, "z": 3}, "", "dev: field 'z' is not known"),
        ({"x": 1, "y": 2, 3: 4}, "", "dev: field '3' is not known"),
        ({"x": 1}, "p[0]", "dev: field 'p[0].y' is missing"),
        ({"x": 1, "y": 2, "z": 3}, "p[0]", "dev: field 'p[0].z' is not known"),
        ([1], "p[0]", "dev: field 'p[0]' holds [1], expected an object"),
        (None, "", "dev: the saved state holds None, expected an object with fields"),
    ],
)
def test_objects_have_exactly_their_fields(state: Any, place: str, said: str) -> None:
    with pytest.raises(StateError) as caught:
        Fields("dev", state, ("x", "y"), place)
    assert str(caught.value) == said
    if place:
        with pytest.raises(StateError) as caught:
            Fields("dev", {}, ()).part(place, state, ("x", "y"))
        assert str(caught.value) == said
