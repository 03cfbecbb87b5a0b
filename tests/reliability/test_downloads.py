"""Data sets come over HTTPS, at every hop, and are compared with their published checksum."""

import io
import re
from pathlib import Path

import pytest
import requests

from resqunn import load_dataset
from resqunn.data.sources import SOURCES, Archive
from resqunn.errors import DataError


@pytest.mark.parametrize("name", SOURCES)
def test_data_sets_come_over_https_with_a_checksum(name: str) -> None:
    row = SOURCES[name]
    assert not row.files or row.mirror.startswith("https://")
    for file in row.files:
        if isinstance(file, Archive):
            assert file.sums
            for each in file.sums:
                assert re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", each)
            continue
        assert re.fullmatch("[0-9a-f]{64}", file.gz_sha256)
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)


class Web:
    """Answers instead of the network: what it was asked, and where it redirects to."""

    def __init__(self, redirects: dict[str, str]) -> None:
        self.redirects, self.asked = redirects, []

    def send(self, _: object, request: requests.PreparedRequest, **__: object):
        assert request.url
        base = request.url.rpartition("/")[0] + "/"
        self.asked.append(base)
        response = requests.Response()
        response.url, response.request = request.url, request
        response.status_code, response.raw = 200, io.BytesIO(b"not the file")
        if base in self.redirects:
            response.status_code = 302
            response.headers["location"] = self.redirects[base]
        return response


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RESQUNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


GOES_ON = "does not have the expected SHA-256"
REFUSED = "only https:// is safe"


@pytest.mark.usefixtures("no_files")
@pytest.mark.parametrize(
    ("mirror", "redirect", "message", "asked"),
    [
        ("https://a.test/", None, GOES_ON, 1),
        ("https://a.test", "https://b.test/x", GOES_ON, 2),
        ("https://a.test/", "//b.test/x", GOES_ON, 2),
        ("https://a.test/", "/elsewhere/x", GOES_ON, 2),
        ("HTTPS://A.TEST/", None, GOES_ON, 1),
        ("http://localhost:8/", None, GOES_ON, 1),
        ("http://127.0.0.1:8/", None, GOES_ON, 1),
        ("http://[::1]:8/", None, GOES_ON, 1),
        ("http://a.test/", None, REFUSED, 0),
        ("ftp://a.test/", None, REFUSED, 0),
        ("file:///etc/", None, REFUSED, 0),
        ("doi:10.5281/zenodo.1/", None, REFUSED, 0),
        ("a.test/", None, "MissingSchema", 0),
        ("http://localhost.a.test/", None, REFUSED, 0),
        ("http://127.0.0.1@a.test/", None, REFUSED, 0),
        ("http://a.test\\@127.0.0.1/", None, REFUSED, 0),
        ("https://a.test/", "http://a.test/x", REFUSED, 1),
        ("https://a.test/", "HTTP://b.test/x", REFUSED, 1),
        ("https://a.test/", "ftp://b.test/x", REFUSED, 1),
        ("http://localhost/", "http://a.test/x", REFUSED, 1),
        ("http://localhost/", "//a.test/x", REFUSED, 1),
    ],
)
def test_downloads_are_encrypted_at_every_hop(
    monkeypatch: pytest.MonkeyPatch,
    mirror: str,
    redirect: str | None,
    message: str,
    asked: int,
) -> None:
    first = (mirror.rstrip("/") + "/").lower()
    web = Web({first: redirect} if redirect else {})
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda *a, **o: web.send(*a, **o))
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("kmnist", mirror=mirror)
    assert len(web.asked) == asked
    assert "\n" not in str(caught.value)
