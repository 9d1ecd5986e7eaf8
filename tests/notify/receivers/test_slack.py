"""What a Slack message looks like, and what nothing in it can do."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from monitor.notify.receivers.slack import (
    BLOCKS_MAX,
    HEADER_CHARACTERS_MAX,
    MESSAGE_CHARACTERS_MAX,
    SECTION_CHARACTERS_MAX,
    message_of,
)
from monitor.notify.text import Link, Section, Text
from tests.notify.messages import HOSTILE, text
from tests.notify.services import texts_of


def message(said: Text) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(message_of(said))
    return decoded


def length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_a_message_has_a_header_a_section_for_each_alert_and_links() -> None:
    found = message(text("First", "Second"))
    assert [block["type"] for block in found["blocks"]] == ["header", *["section"] * 2, "context"]
    assert found["blocks"][1]["text"]["text"].splitlines() == [
        "First",
        "5 of 412 (1.21%), limit under 1%",
        "newest: o-1, o-2 and 3 more",
    ]
    assert found["blocks"][3]["elements"][0]["text"] == (
        "<https://status.example.com/?seller=shop&amp;m=m|Status page>"
        " · <https://example.com/runbooks/order-defect-rate|runbook order-defect-rate>"
    )


def test_what_others_wrote_is_plain_text_without_links() -> None:
    found = message(Text(HOSTILE, (Section(HOSTILE, "info", (HOSTILE,)),)))
    assert {block["text"]["type"] for block in found["blocks"]} == {"plain_text"}
    assert not [said for said in texts_of(found) if "://" in said]
    assert not {"<", ">"} & set(found["text"])
    assert "&lt;!channel&gt;" in found["text"]
    assert {found[key] for key in ("unfurl_links", "unfurl_media", "mrkdwn")} == {False}


def test_a_link_s_name_cannot_end_the_link() -> None:
    links = (Link("a|b> <!here>", "https://a.example/?x=1&y=2"), Link("no", "javascript:alert(1)"))
    found = message(Text("T", (Section("H", "info", ()),), links))
    element = found["blocks"][-1]["elements"][0]
    assert element["text"] == "<https://a.example/?x=1&amp;y=2|a|b&gt; &lt;!here&gt;>"
    assert element["verbatim"]


def test_more_alerts_than_fit_are_counted() -> None:
    found = message(text(*(f"Alert {number}" for number in range(100))))
    blocks = found["blocks"]
    assert len(blocks) == BLOCKS_MAX
    told = len([block for block in blocks if "Alert" in "".join(texts_of(block))])
    assert blocks[-2]["text"]["text"] == f"and {100 - told} more"


@given(
    st.text(max_size=400),
    st.lists(st.text(max_size=4000), max_size=60),
    st.lists(st.text(max_size=300), max_size=30),
)
def test_no_message_is_ever_too_large(title: str, headlines: list[str], names: list[str]) -> None:
    sections = tuple(Section(line, "info", (line, "🦊" * 10)) for line in headlines)
    links = tuple(Link(name, f"https://a.example/{'x' * len(name)}") for name in names)
    found = message(Text(title, sections, links))
    blocks = found["blocks"]
    assert len(blocks) <= BLOCKS_MAX
    assert 0 < length(blocks[0]["text"]["text"]) <= HEADER_CHARACTERS_MAX
    for block in blocks[1:]:
        assert all(0 < length(said) <= SECTION_CHARACTERS_MAX for said in texts_of(block))
    assert sum(length(said) for said in texts_of(blocks)) <= MESSAGE_CHARACTERS_MAX
    told = sum(block["type"] == "section" for block in blocks)
    assert told == len(sections) or "more" in "".join(texts_of(blocks[-2:]))
