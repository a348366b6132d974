"""An editor and readers over HTTP, for tests that run the site as it runs."""

import http.client
import threading
import time
from urllib.parse import urlencode

import lxml.html

# Signs somebody in as the site itself does, without the form.
SIGN_IN = """
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
user = get_user_model().objects.create_superuser("%(name)s", "%(name)s@example.org")
request = HttpRequest()
request.session = SessionStore()
login(request, user, "kb_site.accounts.backends.NameOrEmailBackend")
request.session.save()
print(request.session.session_key)
"""


class Editor:
    """Somebody signed in, whose session holds on every node."""

    def __init__(self, node, name="editor"):
        self.cookies = {"sessionid": node.run(SIGN_IN % {"name": name}).split()[-1]}

    def ask(self, node, path, data=None):
        """Returns (status, text) of a page, or of what a form sent to it gives."""
        asked = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies, "Accept-Language": "en"}
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            body = None if data is None else urlencode(data)
            asked.request("GET" if data is None else "POST", path, body, headers)
            answer = asked.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie", []):
                name, _equals, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer.status, answer.read().decode()
        finally:
            asked.close()

    def form(self, node, path):
        """Returns what the form of a record holds."""
        status, page = self.ask(node, path)
        assert status == 200, page
        [form] = [f for f in lxml.html.fromstring(page).forms if f.get("id", "").endswith("_form")]
        # A browser leaves out the line break that a text area begins with.
        return {name: value.removeprefix("\n") for name, value in form.form_values()}

    def edit(self, node, path, **values):
        """Changes a record; returns the status of the answer, 302 when it is saved."""
        data = self.form(node, path) | values | {"change_reason": "A test."}
        return self.ask(node, path, data)[0]


class Readers:
    """Somebody who reads on every node all the while, and notes each answer that is no page."""

    def __init__(self, nodes, paths):
        self.nodes, self.paths, self.count, self.refused = nodes, paths, 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def _read(self):
        while not self._stop.wait(0.05):
            for node in self.nodes:
                for path in self.paths:
                    self.count += 1
                    status, _text = node.get(path.format(self.count))
                    if status != 200:
                        self.refused.append((time.strftime("%T"), node.port, path, status))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        self._thread.join()
