"""Whether a port can be served on, found out before a server is started."""

from __future__ import annotations

import socket


def busy(host: str, port: int, instead: str) -> str:
    """Say what to do when a port is taken or cannot be used.

    Parameters
    ----------
    host : str
    port : int
    instead : str
        How another port is chosen, with ``{port}`` for one.

    Returns
    -------
    str
        Empty if the port is free.

    Examples
    --------
    >>> busy("127.0.0.1", 70000, "port={port}").rpartition("choose another: ")[2]
    'port=10001.'
    """
    with socket.socket() as probe:
        # As the server does: a port that was closed a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            return (
                f"got port {port}, which cannot be used ({error}), expected a free one. Close what "
                f"uses it or choose another: {instead.format(port=port % 60000 + 1)}."
            )
    return ""
