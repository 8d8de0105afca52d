"""What can go wrong with the Hub, each in one sentence. None of them ever holds a token."""

import errno
from http import HTTPStatus

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from fastnst.errors import HubError

SIGN_IN = "hf auth login stores a token, the variable HF_TOKEN gives one"
# Ordered: the first that fits is said. {about} is what was asked for, {hub} the Hub's address.
BY_KIND: tuple[tuple[type[Exception], str, bool], ...] = (
    (
        OfflineModeIsEnabled,
        "Offline mode is on (HF_HUB_OFFLINE), so the Hub is not asked for {about}.",
        True,
    ),
    (
        GatedRepoError,
        "{about} is gated: ask for access on its page, then sign in; " + SIGN_IN + ".",
        False,
    ),
    (
        RepositoryNotFoundError,
        "There is no model {about} on the Hub, or it is private and you have no access.",
        False,
    ),
    (RevisionNotFoundError, "There is no such revision of {about} on the Hub.", False),
    (EntryNotFoundError, "A file of {about} is missing on the Hub.", False),
    (HFValidationError, "{about} is not the name of a repository; that is USER/NAME.", False),
    (
        httpx2.ConnectTimeout,
        "The Hub at {hub} cannot be reached; is there a network?",
        True,
    ),
    (
        httpx2.TimeoutException,
        "The Hub did not answer in time for {about}; try again later.",
        True,
    ),
    (
        httpx2.ConnectError,
        "The Hub at {hub} cannot be reached; is there a network?",
        True,
    ),
    (httpx2.ProxyError, "The proxy on the way to the Hub at {hub} refuses.", True),
    (
        httpx2.TransportError,
        "The connection to the Hub broke off during {about}; try again.",
        True,
    ),
)
NO_TOKEN = f"The Hub needs a token for {{about}}: {SIGN_IN}."
BY_STATUS = {
    401: f"The Hub does not accept the token for {{about}}; {SIGN_IN}.",
    402: "The Hub asks for a paid plan for {about}.",
    403: "You have no permission for {about}: the token lacks it, or the repository is not yours.",
    409: "The name {about} is taken on the Hub.",
    413: "The Hub finds {about} too large.",
}
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What a moment later may be different. 429 is not among them: it says itself how long to wait.
PASSING_STATUS = (408, 500, 502, 503, 504)
MAX_REASON = 200
# What the library wraps an error in, to say no more than that there was one.
WRAPPERS = (LocalEntryNotFoundError, RuntimeError, ValueError)
WRAPPED = (httpx2.HTTPError, OfflineModeIsEnabled, HubError)


def hub_error(error: Exception, about: str, secret: str | None) -> HubError:
    """The error to raise for what a library raised.

    Args:
        error: of huggingface_hub, its HTTP client or the system.
        about: what was asked for, for people.
        secret: the token in use, which is kept out of the message.
    """
    error = root(error)
    if isinstance(error, HubError):
        return error
    for kind, sentence, passing in BY_KIND:
        if isinstance(error, kind):
            return HubError(sentence.format(about=about, hub=constants.ENDPOINT), passing=passing)
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return _of_status(error, about, secret)
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return HubError(f"There is no room for {about}: the disk is full, or files are limited.")
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return HubError(f"{about} came truncated or tampered with; try again.", passing=True)
    return HubError(f"The Hub cannot serve {about}: {reason(error, secret)}.")


def _of_status(error: HfHubHTTPError, about: str, secret: str | None) -> HubError:
    status = error.response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return rate_limit(about, error.response)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in PASSING_STATUS:
        return server_error(about, status)
    if status == HTTPStatus.UNAUTHORIZED and not secret:
        return HubError(NO_TOKEN.format(about=about))
    if status in BY_STATUS:
        return HubError(BY_STATUS[status].format(about=about))
    said = error.server_message or f"status {status}"
    return HubError(f"The Hub refuses {about}: {_short(said, secret)}.")


def server_error(about: str, status: int) -> HubError:
    return HubError(
        f"The Hub failed with error {status} for {about}, several times; try again later.",
        passing=True,
    )


def rate_limit(about: str, response: httpx2.Response) -> HubError:
    seconds = rate_limit_seconds(response)
    wait = f"in {seconds} s" if seconds is not None else "later"
    return HubError(
        f"The Hub has had too many requests from here; ask for {about} again {wait}.", passing=True
    )


def rate_limit_seconds(response: httpx2.Response) -> int | None:
    """How long a response of status 429 asks to wait, if it says so."""
    text: str = response.headers.get("Retry-After", "")
    if text.isdecimal():
        return int(text)
    _, _, seconds = response.headers.get("RateLimit", "").partition("t=")
    return int(seconds) if seconds.isdecimal() else None


def root(error: Exception) -> Exception:
    """The error that was wrapped in others, if it was."""
    while isinstance(error, WRAPPERS) and not isinstance(error, HfHubHTTPError | HubError):
        if not isinstance(error.__cause__, WRAPPED):
            break
        error = error.__cause__
    return error


def is_passing(error: Exception) -> bool:
    """Whether to try again at once: the Hub stumbled, or the connection did."""
    error = root(error)
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in PASSING_STATUS
    return isinstance(
        error, httpx2.TimeoutException | httpx2.NetworkError | httpx2.RemoteProtocolError
    )


def reason(error: Exception, secret: str | None) -> str:
    """What an error says, short, on one line and without the token."""
    return _short(str(error) or type(error).__name__, secret)


def _short(text: str, secret: str | None) -> str:
    if secret:
        text = text.replace(secret, "…")
    line = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return line[:MAX_REASON].rstrip(".")
