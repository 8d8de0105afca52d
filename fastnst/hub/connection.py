"""The line to the Hub: reached in three seconds or not at all, and asked again when it stumbles.

huggingface_hub shares one HTTP client among everybody in the process, without time-outs. Ours are
put on the requests of our own conversations only.
"""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Thread
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from huggingface_hub import HfApi, constants, get_session, get_token
from huggingface_hub.errors import OfflineModeIsEnabled

from fastnst.errors import FastnstError, HubError
from fastnst.hub.failures import (
    PASSING_STATUS,
    hub_error,
    is_passing,
    rate_limit,
    rate_limit_seconds,
    server_error,
)

CONNECT_SECONDS = 3.0
# Of all addresses that a name has, so that a second one is tried within the time.
ADDRESS_SECONDS = 1.4
PAUSES = (1.0, 2.0, 4.0)
TRIES = len(PAUSES) + 1
LONGEST_WAIT = 8  # seconds that a rate limit may ask for before we would rather say so
PORTS = {"http": 80, "https": 443}
T = TypeVar("T")


@dataclass
class _Conversation:
    """What was asked so far.

    Attributes:
        about: what it is about, for people.
        tries: how often each method and address was asked without success.
        status: the last answer to each.
    """

    about: str
    tries: Counter[str] = field(default_factory=Counter)
    status: dict[str, int] = field(default_factory=dict)


_conversation: ContextVar[_Conversation | None] = ContextVar("conversation", default=None)


@contextmanager
def conversation(about: str, token: str | None) -> Iterator[HfApi]:
    """The Hub, to be talked to in the block.

    Args:
        about: what it is about, for people: the name of a repository.
        token: of the person who asks; if none, the stored one is used, if there is one; an empty
            one is for people without, who see what is public.

    Raises:
        HubError: in place of all that huggingface_hub and its HTTP client raise in the block, or
            if the Hub is not reached within three seconds.
    """
    secret = get_token() if token is None else token
    mark = _conversation.set(_Conversation(about))
    try:
        if constants.is_offline_mode():
            raise OfflineModeIsEnabled
        _check_reachable(constants.ENDPOINT)
        _watch(get_session())
        yield HfApi(token=False if token == "" else token)
    except FastnstError:
        raise
    except Exception as error:
        # The chain is printed by those who print tracebacks: it must not hold the token either.
        leaks = bool(secret) and str(secret) in f"{error}{error.__cause__}{error.__context__}"
        raise hub_error(error, about, secret) from (None if leaks else error)
    finally:
        _conversation.reset(mark)


def persist(call: Callable[[], T]) -> T:
    """Ask, and ask again after a pause when the Hub stumbles.

    For the calls that huggingface_hub itself does not repeat.
    """
    for pause in PAUSES:
        try:
            return call()
        except Exception as error:
            if not is_passing(error):
                raise
        time.sleep(pause)
    return call()


def _check_reachable(endpoint: str) -> None:
    """Connect once, by the clock: resolving a name has no time-out of its own."""
    address = _address(endpoint)
    reached: list[bool] = []

    def connect() -> None:
        try:
            socket.create_connection(address, ADDRESS_SECONDS).close()
            reached.append(True)
        except OSError:
            pass

    thread = Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not reached:
        raise httpx2.ConnectError(f"no connection to {address[0]}")


def _address(endpoint: str) -> tuple[str, int]:
    """Host and port that a connection to the Hub goes to first: its own, or a proxy's."""
    url = urlsplit(endpoint)
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(url.hostname or ""):
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return url.hostname or "", url.port or PORTS.get(url.scheme, PORTS["https"])


def _watch(client: httpx2.Client) -> None:
    hooks = client.event_hooks
    if _before not in hooks["request"]:
        client.event_hooks = {
            "request": [*hooks["request"], _before],
            "response": [*hooks["response"], _after],
        }


def _before(request: httpx2.Request) -> None:
    """Give a request of ours its time-outs, and end what was tried often enough."""
    current = _conversation.get()
    if current is None:
        return
    limits = request.extensions.setdefault("timeout", {})
    for step in ("connect", "read", "write", "pool"):
        longest = CONNECT_SECONDS if step == "connect" else constants.HF_HUB_DOWNLOAD_TIMEOUT
        limits[step] = min(limits.get(step) or longest, longest)
    key = f"{request.method} {request.url}"
    current.tries[key] += 1
    if current.tries[key] > TRIES:
        if key in current.status:
            raise server_error(current.about, current.status[key])
        raise HubError(
            f"The connection to the Hub broke off several times for {current.about}; try later.",
            passing=True,
        )


def _after(response: httpx2.Response) -> None:
    current = _conversation.get()
    if current is None:
        return
    key = f"{response.request.method} {response.request.url}"
    if response.status_code in PASSING_STATUS:
        current.status[key] = response.status_code
    elif response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
        current.status[key] = response.status_code
        if (rate_limit_seconds(response) or 0) > LONGEST_WAIT:
            raise rate_limit(current.about, response)
    elif response.request.method != "GET":  # a GET that began well may yet break off
        del current.tries[key]
