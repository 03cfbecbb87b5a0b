"""Downloads: encrypted at every hop, bounded, and verified by their published checksum."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from resqunn.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import requests

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts that may serve files unencrypted: nobody sits between them and the program."""

TIMEOUT = 30.0
"""Seconds that a server may be silent."""

PATIENCE = 1800.0
"""Seconds that a file may take."""

CHUNK = 2**16

KINDS = {"md5": "MD5", "sha256": "SHA-256"}
"""Checksums, as they are called."""


def download(
    base: str,
    name: str,
    checksum: str,
    subfolder: str,
    otherwise: str,
    *,
    query: str = "",
    limit: int,
) -> Path:
    """The file of that name at the address `base`, in a subfolder of the user's cache.

    Args:
        checksum: "sha256:..." or "md5:...", as it is published.
        otherwise: what the user can do without the download.
        query: what follows the name in the address.
        limit: bytes that it may have.

    Raises:
        MissingExtraError: if what downloads is not installed.
        DataError: if the address, or one that it redirects to, is not encrypted; if nobody
            answers there; if the answer is too large; if the file has another checksum.
    """
    try:
        import pooch
        import requests
    except ImportError:
        raise MissingExtraError(f"downloading {subfolder}", "lab") from None

    address = f"{base}/{name}{query}"

    def downloader(url: str, output_file: str, _: object) -> None:
        _fetch(url, Path(output_file), limit)

    try:
        _require_safe(address)
        fetched = pooch.retrieve(
            address,
            known_hash=checksum,
            fname=name,
            path=pooch.os_cache("resqunn") / subfolder,
            downloader=downloader,  # pyright: ignore[reportArgumentType] - called so by retrieve
        )
    except requests.exceptions.RequestException as error:
        raise DataError(
            f"cannot download {name} of {subfolder} from {base}/ ({type(error).__name__}): "
            f"{otherwise}"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot keep {name} of {subfolder} in {pooch.os_cache('resqunn')} "
            f"({error.strerror}): name another folder in XDG_CACHE_HOME, or {otherwise}"
        ) from None
    except ValueError:
        kind, _, value = checksum.partition(":")
        raise DataError(
            f"{name} from {base}/ does not have the expected {KINDS[kind]} {value}: "
            "the download is damaged or the mirror altered; try again or another mirror"
        ) from None
    return Path(fetched)


def _fetch(address: str, path: Path, limit: int) -> None:
    """Writes what an address answers, and gives up when that is more than the file has."""
    import requests

    with requests.get(
        address,
        stream=True,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},
        hooks={"response": _check_redirect},
    ) as response:
        response.raise_for_status()
        length, until = 0, time.monotonic() + PATIENCE
        with path.open("wb") as file:
            for chunk in response.iter_content(CHUNK):
                length += len(chunk)
                if length > limit:
                    raise DataError(
                        f"refused to download {address}: it answers more than {limit:,} bytes, "
                        "which is not the file wanted; try another mirror"
                    )
                if time.monotonic() > until:
                    raise DataError(
                        f"gave up {address}: it took longer than {PATIENCE:.0f} s; try again or "
                        "another mirror"
                    )
                file.write(chunk)


def _require_safe(address: str, redirected: str = "") -> None:
    import requests

    # Prepared by requests, so that both mean the same host.
    parts = urlsplit(requests.Request("GET", address).prepare().url or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise DataError(
            f"refused to download {address}{redirected}: only https:// is safe (and http:// from "
            "this machine alone)"
        )


def _check_redirect(response: requests.Response, **_: object) -> None:
    """Called with every response, before requests follows it."""
    if response.is_redirect:
        target = urljoin(response.url, response.headers["location"])
        _require_safe(target, f", where {response.url} redirects to")
