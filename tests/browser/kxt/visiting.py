"""Websites with kxt() on them, and what their visitors do there."""

import re
import time
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome

from tests.browser.main_site import KEY, MainSite

LONGER_THAN_A_BATCH = 1.4  # seconds: what did not come by then was not sent
YEAR, MINUTE = 365 * 24 * 3600, 60
FORM = """<form><input name=mail value=' ann@b.example '><input name=first value=Ann><input name=empty>
<input name=secret value=s3cret><input type=file name=file><input name=off value=no disabled>
<input type=checkbox name=box value=yes><textarea name=note>Hello</textarea></form>"""
MAPPING = """kxt('configurecontactfieldmapping', {mail: 'ContactEmail', first: 'ContactFirstName', note: 'ContactNotes',
    empty: 'ContactCity', file: 'ContactZIP', off: 'ContactState', box: 'ContactCountry'});"""


def html(
    site: MainSite,
    calls: str = "",
    *,
    init: str = "{}",
    name: str = "kxt",
    title: str = "First",
    body: str = "",
    main: str = "",
    key: str = KEY,
) -> str:
    """A page of a website with the snippet of docs/kxt.md; `main` is another main site than the tests' own."""
    return f"""<!doctype html><title>{title}</title><script>{SNIPPET}
        ('{name}', '{main or site.url}/kxt.js?writeKey={key}');
        {name}('init', {init});
        {calls}
        </script>{body}"""


SNIPPET = re.search(
    r"<script>\n(.*?)\n  \('kxt'", (Path(__file__).parents[3] / "docs" / "kxt.md").read_text(), re.DOTALL
)[1]


def visit(browser: Chrome, site: MainSite, calls: str = "", *, at: str = "/", **page: str) -> None:
    """Opens a page that makes these calls at once, and waits until the script carries them out."""
    site.pages[at] = html(site, calls, **page)
    browser.get(site.page(at))
    site.wait(lambda: site.asked_for("/settings"))


def settle() -> None:
    """Long enough for everything that is to be sent."""
    time.sleep(LONGER_THAN_A_BATCH)


def called_back(browser: Chrome, command: str, options: str = "codeName: 'tracking'", name: str = "kxt") -> list[Any]:
    """Which of callback and onerror a call reaches within a moment, and with what."""
    return browser.execute_async_script(f"""
        const done = arguments[0], seen = [];
        const told = which => value => {{ seen.push([which, value ?? null]); setTimeout(() => done(seen), 250); }};
        {name}('{command}', {{{options}, callback: told('callback'), onerror: told('onerror')}});
    """)


def agree(browser: Chrome) -> None:
    assert called_back(browser, "consentagree") == [["callback", None]]


def cookies(browser: Chrome) -> dict[str, str]:
    return {one["name"]: one["value"] for one in browser.get_cookies()}


def stored(browser: Chrome) -> int:
    return browser.execute_script("return localStorage.length")


def hide(browser: Chrome) -> None:
    """What the browser does to a page that is put behind another one."""
    browser.execute_script("""
        Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
        delete document.visibilityState;
    """)
