"""What Slack, PagerDuty, Alertmanager and a webhook answer, as their documentation says.

Each looks as closely at what it gets as the real one, and keeps it.
"""

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import msgspec

SECRET_PATH = "/services/T0/B0/never-shown-7f3a"  # noqa: S105
ROUTING_KEY = "nevershown7f3a0123456789abcdef01"
TOKEN = "never-shown-7f3a-token"  # noqa: S105
SIGNING_SECRET = "never-shown-7f3a-signing"  # noqa: S105

_SLACK_CHARACTERS_MAX = 13_200
_PAGERDUTY_BYTES_MAX = 512_000
_WEBHOOK_BYTES_MAX = 1024 * 1024


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Service(Protocol):
    """Takes a request, or says why not."""

    said: list[str]
    """Of each request taken, all that a person would read."""

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Status and body."""


def texts_of(value: Any) -> list[str]:
    """Every text of a JSON document."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts_of(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts_of(part)]
    return [value] if isinstance(value, str) else []


@dataclass
class SlackService:
    """Slack, as https://docs.slack.dev/reference/block-kit/blocks has it."""

    said: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.path != SECRET_PATH:
            return 404, b"no_service"
        message = msgspec.json.decode(request.body)
        blocks = message["blocks"]
        if not 0 < len(blocks) <= 50 or not all(map(self._is_valid, blocks)):
            return 400, b"invalid_blocks"
        if sum(len(text) for block in blocks for text in texts_of(block)) > _SLACK_CHARACTERS_MAX:
            return 400, b"msg_blocks_too_long"
        self.messages.append(message)
        self.said.append("\n".join(texts_of(message)))
        return 200, b"ok"

    def _is_valid(self, block: dict[str, Any]) -> bool:
        if block["type"] == "context":
            return 0 < len(block["elements"]) <= 10
        text = block["text"]
        limit = 150 if block["type"] == "header" else 3000
        fits = 0 < len(text["text"].encode("utf-16-le")) // 2 <= limit
        return fits and (block["type"] != "header" or text["type"] == "plain_text")


@dataclass
class PagerDutyService:
    """PagerDuty, as https://developer.pagerduty.com/docs/events-api-v2-overview has it."""

    said: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    incidents: dict[str, str] = field(default_factory=dict)
    """Summaries of what is open, by dedup key."""

    def answer(self, request: Request) -> tuple[int, bytes]:
        event = msgspec.json.decode(request.body)
        if request.path != "/v2/enqueue":
            return 404, b""
        if not self._is_valid(event) or len(request.body) > _PAGERDUTY_BYTES_MAX:
            return 400, b'{"status":"invalid event","message":"Event object is invalid"}'
        key = event["dedup_key"]
        if event["event_action"] == "trigger":
            self.incidents[key] = event["payload"]["summary"]
        else:
            # One of an unknown key is taken and dropped.
            self.incidents.pop(key, None)
        self.events.append(event)
        self.said.append("\n".join(texts_of({**event, "routing_key": ""})))
        return 202, b'{"status":"success","message":"Event processed"}'

    def _is_valid(self, event: dict[str, Any]) -> bool:
        payload = event["payload"]
        return (
            event["routing_key"] == ROUTING_KEY
            and event["event_action"] in ("trigger", "resolve")
            and 0 < len(event["dedup_key"]) <= 255
            and 0 < len(payload["summary"]) <= 1024
            and bool(payload["source"])
            and payload["severity"] in ("critical", "error", "warning", "info")
            and all(set(link) == {"href", "text"} for link in event.get("links", ()))
        )


@dataclass
class AlertmanagerService:
    """Alertmanager, as https://prometheus.io/docs/alerting/latest/alerts_api/ has it."""

    said: list[str] = field(default_factory=list)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last push of each, by its labels."""
    pushes: list[list[dict[str, Any]]] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.path != "/api/v2/alerts":
            return 404, b""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, b""
        push = msgspec.json.decode(request.body)
        if not push or not all(map(self._is_valid, push)):
            return 400, b'"invalid"'
        self.pushes.append(push)
        for alert in push:
            self.alerts[msgspec.json.encode(alert["labels"], order="sorted").decode()] = alert
        self.said.append("\n".join(texts_of(push)))
        return 200, b""

    def _is_valid(self, alert: dict[str, Any]) -> bool:
        starts_at, ends_at = (datetime.fromisoformat(alert[key]) for key in ("startsAt", "endsAt"))
        labels, annotations = alert["labels"], alert["annotations"]
        named = all(re.fullmatch(r"[a-zA-Z_]\w*", name) for name in {**labels, **annotations})
        texts = all(isinstance(value, str) for value in {**labels, **annotations}.values())
        return bool(labels.get("alertname")) and named and texts and starts_at <= ends_at

    def firing(self, at: str) -> set[str]:
        """The severities that are open at an instant."""
        return {
            alert["labels"]["severity"] for alert in self.alerts.values() if alert["endsAt"] > at
        }


@dataclass
class WebhookService:
    """Checks the signature as the documentation of our webhook tells its readers to."""

    said: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[int, bytes]:
        stamp = request.headers["x-monitor-timestamp"]
        signed = stamp.encode() + b"." + request.body
        digest = hmac.new(SIGNING_SECRET.encode(), signed, sha256).hexdigest()
        if not hmac.compare_digest(f"v1={digest}", request.headers["x-monitor-signature"]):
            return 401, b""
        if request.path != SECRET_PATH or len(request.body) > _WEBHOOK_BYTES_MAX:
            return 413, b""
        self.requests.append(request)
        self.said.append("\n".join(texts_of(msgspec.json.decode(request.body))))
        return 204, b""
