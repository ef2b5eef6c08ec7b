"""Browser sessions of users signed in to Airflow, which record forbidden effects of a page."""

from __future__ import annotations

from contextlib import contextmanager
from urllib.parse import urljoin

from playwright.sync_api import expect, sync_playwright

ROOT = "/scheduled-reports"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: An attack that is executed sets `canary`, in any window.
TRAP = """Object.defineProperty(window, "canary", {set(by) { console.error(`CANARY ${by} at ${location.href}`); }});"""
#: Counts the elements that can be reached by Tab.
REACHABLE = """all => all.filter(one => one.checkVisibility() && one.tabIndex >= 0).length"""
#: The focused element: its number on this page, whether the focus is visible, and its HTML.
FOCUSED = """() => {
    const at = document.activeElement, style = getComputedStyle(at);
    if (at === document.body) return [-1, true, ""];
    window.reached ??= [];
    if (!reached.includes(at)) reached.push(at);
    const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    return [reached.indexOf(at), shown && at.getBoundingClientRect().width > 0, at.outerHTML.slice(0, 80)];
}"""
#: The time that the server took for the page, in milliseconds.
SERVER_TIME = """() => {
    const [at] = performance.getEntriesByType("navigation");
    return at.responseStart - at.requestStart;
}"""
#: The browser's message for an error status that a test provokes: 400, 403, 409.
ANSWERED = "Failed to load resource"


@contextmanager
def chromium():
    """Start Debian's Chromium, headless."""
    expect.set_options(timeout=20_000)  # for a busy machine
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitors:
    """Opens pages as users of an Airflow; *wrong* lists the forbidden effects of all pages."""

    def __init__(self, browser, airflow, tokens):
        self.browser, self.airflow, self.tokens = browser, airflow, tokens
        self.contexts, self.wrong = [], []

    def page(self, user="admin", *, width=1280, height=900, scheme="light", zone="Europe/Berlin"):
        """Return an empty page of a signed-in user."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=zone, locale="en-GB"
        )
        self.contexts.append(context)
        if user not in self.tokens:
            session = self.airflow.api(user).session
            self.tokens[user] = session.headers["Authorization"].removeprefix("Bearer ")
        cookie = {"name": "_token", "value": self.tokens[user], "url": urljoin(self.airflow.url, "/")}
        context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Lax"}])
        context.add_init_script(TRAP)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("dialog", self._asked)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", self._said)
        page.on("response", self._came)
        return page

    def open(self, path="/", user="admin", **how):
        """Open one of our pages outside Airflow's frame."""
        page = self.page(user, **how)
        page.goto(f"{self.airflow.url}{ROOT}{path}")
        return page

    def close(self):
        """Close all sessions."""
        for context in self.contexts:
            context.close()

    def _asked(self, dialog):
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _said(self, message):
        ours = ROOT in message.location.get("url", "")
        failed = message.type == "error" and ours and not message.text.startswith(ANSWERED)
        if failed or "CANARY" in message.text:
            self.wrong.append(f"console: {message.text}")

    def _came(self, response):
        if f"{ROOT}/static/" in response.url and response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")
