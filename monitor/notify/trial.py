"""Tries a receiver of the settings once, without Kafka: a message that is marked as a test."""

from collections.abc import Callable

from monitor.config_problems import did_you_mean
from monitor.core.instants import Instant
from monitor.errors import NotifyError
from monitor.notify.configured import styles_of
from monitor.notify.examples import trial_notification
from monitor.notify.receivers import receiver_of
from monitor.notify.text import text_of
from monitor.settings.notify_sections import NotifySection


async def try_receiver(notify: NotifySection, name: str, clock: Callable[[], Instant]) -> None:
    """Send one message, whatever routes, mute times and silences there are.

    Raises:
        NotifyError: there is no such receiver, or it did not take the message. No secret is
            in it.
    """
    section = notify.receivers.get(name)
    if section is None:
        known = ", ".join(notify.receivers) or "none"
        said = (
            f"there is no such receiver{did_you_mean(name, notify.receivers)}; there are: {known}"
        )
        raise NotifyError(said, permanent=True)
    notification = trial_notification(clock())
    text = text_of(notification, styles_of(notify, ())[name])
    receiver = receiver_of(name, section, clock)
    try:
        await receiver.deliver(notification, text)
    finally:
        await receiver.close()
