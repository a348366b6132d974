"""A local web server that answers as it is told to, and badly when it is told so."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit


class Server(ThreadingHTTPServer):
    """Answers each path with its replies in turn, the last one for ever; keeps the requests.

    A reply is (status, headers, body), or a function that is given the request handler. HEAD is
    answered as GET would be, unless `heads` says otherwise for the path.
    """

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies, self.heads, self.requests, self.opened = {}, {}, [], []
        # Set when the test is over: replies that would go on for ever wait for it.
        self.released = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def set(self, path, *replies):
        self.replies[path] = list(replies)
        return self.address + path

    def get_request(self):
        opened, address = super().get_request()
        self.opened.append(opened)
        return opened, address

    def hang_up(self):
        """Ends every connection that a client still keeps."""
        for opened in self.opened:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """A client that hangs up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 3  # seconds: a client that keeps a connection and says no more is hung up on

    def do_GET(self):
        replies = self.server.replies.get(self.keep(), [(404, {}, b"")])
        self.reply(replies.pop(0) if len(replies) > 1 else replies[0])

    def do_HEAD(self):
        path = self.keep()
        replies = self.server.replies.get(path, [(404, {}, b"")])
        self.reply(self.server.heads.get(path, replies[0]))

    def keep(self):
        self.server.requests.append(
            SimpleNamespace(method=self.command, path=self.path, headers=self.headers)
        )
        return urlsplit(self.path).path

    def reply(self, reply):
        if callable(reply):
            self.close_connection = True
            reply(self)
            return
        status, headers, body = reply
        self.begin(status, {"Content-Length": str(len(body)), **headers})
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running():
    """A `Server` in a thread, ended with all it was doing."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.hang_up()
        server.server_close()
        thread.join()
