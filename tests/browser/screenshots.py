"""Takes pictures of every page, to be looked at: `make screenshots [FOLDER=var/screenshots]`.

A server of its own with the real content, in a folder that goes again: every page and state of
`tests/pages.py` in both languages, then the desk; on a phone and on a desk, light and dark.
"""

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PHONE, DESK = 390, 1280
SCHEMES = ("light", "dark")
STARTS_WITHIN = 120  # seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address, server):
    """Returns when the server answers; raises `SystemExit` when it ends or takes too long."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit("The server ended before it answered.")
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit(f"The server does not answer at {address}.")


def pictures(browser, site, folder, shown, cookies=(), widths=(PHONE, DESK)):
    """Takes each page at each width in each scheme; returns how many pictures it took."""
    taken = 0
    for width in widths:
        context = browser.new_context(
            base_url=site, viewport={"width": width, "height": 844}, reduced_motion="reduce"
        )
        context.add_cookies(list(cookies))
        tab = context.new_page()
        for name, page in shown:
            page.open(tab)
            for scheme in SCHEMES:
                tab.emulate_media(color_scheme=scheme)
                size = "phone" if width == PHONE else "desk"
                tab.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
                taken += 1
        context.close()
    return taken


def file_name(page, language):
    return f"{page.name.replace(':', '-')}-{language}"


def desk(site):
    """Returns the pages of the desk to show, and the cookie of somebody signed in to it."""
    from django.apps import apps
    from django.conf import settings
    from django.contrib import admin
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    from tests.browser.conftest import Shown
    from tests.pages import Page, sample

    client = Client()
    client.force_login(get_user_model().objects.create_superuser("desk", "desk@example.org"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    addresses = {"desk": reverse("admin:index")}
    for model in admin.site._registry:
        if model._meta.app_config in map(apps.get_app_config, ("articles", "laws", "kb_site")):
            name = f"{model._meta.app_label}_{model._meta.model_name}"
            addresses[f"desk-{name}"] = reverse(f"admin:{name}_changelist")
    for kind in ("question", "provision"):
        record = sample(kind)
        name = f"{record._meta.app_label}_{record._meta.model_name}"
        addresses[f"desk-{kind}"] = reverse(f"admin:{name}_change", args=[record.pk])
    cookies = [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": site}]
    return [(name, Shown(Page(name, url))) for name, url in addresses.items()], cookies


def take(site, folder):
    """Takes the pictures of a running site whose database this process shares."""
    import django

    django.setup()
    from django.test.utils import setup_test_environment
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import shown
    from tests.pages import LANGUAGES

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        raise SystemExit("Chromium is not installed: `apt-get install chromium`.")
    setup_test_environment(debug=False)
    public = [(file_name(s.page, code), s) for code in LANGUAGES for s in shown(code)]
    desk_pages, cookies = desk(site)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        taken = pictures(browser, site, folder, public)
        taken += pictures(browser, site, folder, desk_pages, cookies, widths=[DESK])
        browser.close()
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="var/screenshots", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="reperes-pictures-") as data:
        port = free_port()
        os.environ |= {
            "DATA_DIR": data,
            "DATABASE_URL": "",
            "DEBUG": "false",
            "HTTPS": "false",
            "PORT": str(port),
            "REQUIRE_MFA": "false",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DJANGO_SETTINGS_MODULE": "kb_site.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        }
        subprocess.run([sys.executable, "manage.py", "prepare", "--verbosity=0"], check=True)
        # `serve` becomes the server: its process is the one to end.
        server = subprocess.Popen([sys.executable, "manage.py", "serve"])
        try:
            site = f"http://127.0.0.1:{port}"
            wait_for(f"{site}/fr/", server)
            taken = take(site, folder)
        finally:
            server.terminate()
            server.wait(timeout=30)
    print(f"{taken} pictures in {folder}")


if __name__ == "__main__":
    main()
