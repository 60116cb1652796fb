"""Connections that end: whoever sends too little for too long is cut off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests


class Deadline:
    """Shuts sockets from another thread when the next bytes are late.

    A timeout of a socket begins anew with every byte, so that a server may send one now and then
    for years; it takes somebody else to look at the clock.

    Args:
        seconds: within which :meth:`extend` must be called again.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.passed = seconds, False
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Deadline:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
        for duplicate in self._sockets:
            duplicate.close()

    def extend(self) -> None:
        """Something has come: count the seconds anew."""
        self._until = time.monotonic() + self.seconds

    def watched(self, connection: socket.socket) -> socket.socket:
        """The connection itself, shut with the others when the deadline passes."""
        self._sockets.append(connection.dup())  # stays ours when TLS takes the connection over
        self.extend()
        return connection

    def _watch(self) -> None:
        while not self._over.wait(max(0.01, self._until - time.monotonic())):
            if self._sockets and time.monotonic() >= self._until:
                self.passed = True
                self._shut()

    def _shut(self) -> None:
        for duplicate in self._sockets:
            try:
                duplicate.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side was faster
                continue


@contextmanager
def session(deadline: Deadline) -> Iterator[requests.Session]:
    """A session whose connections the deadline ends.

    It takes proxies from the environment, and the bytes as they are stored. It follows no redirect:
    requests would first read the whole body of each, however large.
    """
    import requests

    class Session(requests.Session):
        def get_redirect_target(self, _: requests.Response) -> None:
            return None

    with Session() as opened:
        for scheme in ("http://", "https://"):
            opened.mount(scheme, _adapter(deadline))
        opened.headers["Accept-Encoding"] = "identity"
        yield opened


def _adapter(deadline: Deadline) -> requests.adapters.HTTPAdapter:
    """An adapter of requests that shows the deadline every new connection."""
    import requests
    import urllib3

    class PlainConnection(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.watched(super()._new_conn())

    class SecureConnection(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.watched(super()._new_conn())

    class HttpPool(urllib3.HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class HttpsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    pools = {"http": HttpPool, "https": HttpsPool}

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **options)
            if not proxy.lower().startswith("socks"):  # those have pools of their own
                manager.pool_classes_by_scheme = pools
            return manager

    return Adapter()
