"""What one pass over the bytes of a text file tells, so that nothing is guessed from its head."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

BLOCK = 1 << 20  # bytes looked at at a time: they stay in the processor's cache


@dataclass
class Survey:
    """What one pass over all bytes of a file tells.

    Attributes
    ----------
    size : int
        Bytes.
    utf8 : bool
        Whether they are UTF-8.
    quotes : int
        Double quotes among them.
    odd : bool
        Whether there are zero bytes, or carriage returns without a line feed.
    """

    size: int = 0
    utf8: bool = True
    quotes: int = 0
    odd: bool = False


def survey(path: Path) -> Survey:
    r"""Look at every byte of a file, once.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = file.write_text('name\n"Ann"\n')
    >>> survey(file)
    Survey(size=11, utf8=True, quotes=2, odd=False)
    """
    found, decoder = Survey(), codecs.getincrementaldecoder("utf-8")()
    returns = pairs = 0
    last, buffer = b"", bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            block = buffer if count == BLOCK else buffer[:count]
            found.size += len(block)
            found.quotes += block.count(b'"') if b'"' in block else 0
            found.odd |= b"\0" in block
            if b"\r" in block or last == b"\r":
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            found.utf8 = found.utf8 and decodes(decoder, block)
            last = bytes(block[-1:])
    found.utf8 = found.utf8 and decodes(decoder, b"", final=True)
    found.odd |= returns != pairs
    return found


def decodes(
    decoder: codecs.IncrementalDecoder, block: bytes | bytearray, *, final: bool = False
) -> bool:
    r"""Tell whether the next block of a file decodes, after those before it.

    Examples
    --------
    >>> decoder = codecs.getincrementaldecoder("utf-8")()
    >>> [decodes(decoder, block) for block in (b"K\xc3", b"\xb6ln", b"\xff")]
    [True, True, False]
    """
    if block.isascii() and not decoder.getstate()[0]:  # nothing is left from the last block
        return True
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True
