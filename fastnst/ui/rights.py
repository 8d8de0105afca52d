"""Who may do what with the Hub from the page.

A network that is added is there for everybody, and costs the server disk and memory: only the
owner of the page adds. On a Space that is the account whose Space it is; elsewhere it is whoever
sits at the machine, and only there is the token used that the machine stores. Who has signed in
shares with a token of their own, which is used for that and nothing else.

Handlers can be called by anybody, whatever the page shows: these questions are asked in them.
"""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import gradio as gr
from gradio.utils import get_space
from huggingface_hub import get_token

NOBODYS = ""  # token of those without
# Set by a proxy in between: then nobody is known to sit here.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def signs_in() -> bool:
    """Whether the page offers to sign in: on a Space that has it, or FASTNST_OAUTH is set.

    Elsewhere than on a Space, Gradio makes believe, as the owner of the stored token.
    """
    return bool(os.environ.get("FASTNST_OAUTH" if get_space() is None else "OAUTH_CLIENT_ID"))


def owns_page(request: gr.Request, profile: gr.OAuthProfile | None) -> bool:
    """Whether a request comes from the owner of the page."""
    space = get_space()
    if space is None:
        return sits_here(request)
    owner = space.partition("/")[0]
    return profile is not None and profile.username.lower() == owner.lower()


def sits_here(request: gr.Request) -> bool:
    """Whether a request comes from this machine, and from a page that this machine serves.

    The second is asked so that no other site's page can pass for one of ours by its name.
    """
    if any(name in request.headers for name in FORWARDED) or request.client is None:
        return False
    asked = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return all(host == "localhost" or _is_loopback(host) for host in (asked, request.client.host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def reading_token(request: gr.Request) -> str | None:
    """With which token the Hub is searched: none stands for the stored one."""
    return None if get_space() is None and sits_here(request) else NOBODYS


def sharing_token(request: gr.Request, signed_in: gr.OAuthToken | None) -> str:
    """The token of a visitor who shares; `NOBODYS` if there is none."""
    if signed_in is not None:
        return signed_in.token
    stored = get_token() if reading_token(request) is None else None
    return stored or NOBODYS
