"""What an item may be called: the spec's check and the verifier of graphs say the same."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from archspec.errors import SpecError
from archspec.reserved_names import is_item_name
from archspec.spec.loading import load_text

NAMES = st.from_regex(r"(__|_)?[a-z0-9-]{1,4}(__)?(\.[a-z0-9_-]{1,4}){0,2}", fullmatch=True)


@given(NAMES)
@example("__call__.0")
@example("__init__")
@example("convs.keys")
@example("type.0")
@example("class.0")
@example("a.b.c")
@example("block1-0")
@example("convs.0")
def test_the_spec_takes_what_the_verifier_takes(name: str) -> None:
    text = (
        f"archspec: 1\nname: net\ninput: {{channels: 3, height: 4, width: 4}}\nlayers: [{{relu: {{name: '{name}'}}}}]\n"
    )
    try:
        load_text(text)
        taken = True
    except SpecError:
        taken = False
    assert taken == is_item_name(name)
