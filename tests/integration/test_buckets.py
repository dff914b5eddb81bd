"""What only buckets have: pages of keys, connections that break, servers that refuse."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from moto.s3.models import s3_backends
from support.object_store import Network, TestBucket, asking_who

from config.errors import ContentReplaced, FileMissing, RollcallError, StorageUnavailable
from config.storage_settings import StorageSettings
from storage.opening import store_at
from storage.places import ObjectPlace

CONTENT = os.urandom(3_000_000)


def listed(bucket: TestBucket, root: str = "", **settings: str) -> list[str]:
    found = store_at(f"s3://{bucket.name}{root}", bucket.settings.model_copy(update=settings)).entries()
    return [str(entry.place).removeprefix(f"s3://{bucket.name}/") for entry in found]


def test_more_objects_than_a_page_holds(bucket: TestBucket) -> None:
    backend = s3_backends["123456789012"]["aws"]
    keys = [f"day/{number:05} %&.mp4" for number in range(2345)]
    for key in keys:
        backend.put_object(bucket.name, key, b"x")
    assert listed(bucket) == keys
    store = store_at(f"s3://{bucket.name}/day", bucket.settings)
    store.remove(key.removeprefix("day/") for key in keys[1:])
    assert listed(bucket) == keys[:1]


def test_a_prefix_means_what_a_folder_would(bucket: TestBucket) -> None:
    for key in ("a", "a/", "a/b", "a/c/", "a/c/d", "a/e/f/", "ab", "b/a/x", "full/"):
        bucket.put(key, b"" if key.endswith("/") and key != "full/" else b"x")
    assert listed(bucket, "/a") == listed(bucket, "/a/") == ["a/b", "a/c/d"]
    # An empty key that ends in a slash stands for a folder; one with a content does not.
    assert listed(bucket) == ["a", "a/b", "a/c/d", "ab", "b/a/x", "full/"]


def test_keys_that_no_folder_could_hold(bucket: TestBucket) -> None:
    for key in ("/a", "a//b", "a\tb", "s3://other/c", " "):
        bucket.put(key, key.encode())
    store = store_at(f"s3://{bucket.name}", bucket.settings)
    entries = list(store.entries())
    assert [entry.place for entry in entries] == [
        ObjectPlace(bucket.name, key) for key in (" ", "/a", "a\tb", "a//b", "s3://other/c")
    ]
    for entry in entries:
        assert isinstance(entry.place, ObjectPlace)
        with store.open(entry.place) as stream:
            assert stream.read() == entry.place.key.encode()


def test_a_connection_that_breaks_is_taken_up_where_it_was(bucket: TestBucket) -> None:
    bucket.put("film.mp4", CONTENT)
    with Network(bucket.endpoint, cuts=[1_000_000, 1, 0, 900_000, 0, 0]) as network:
        store = store_at(f"s3://{bucket.name}", StorageSettings(endpoint=network.endpoint))
        place = ObjectPlace(bucket.name, "film.mp4")
        with store.open(place) as stream:
            assert stream.read() == CONTENT
        assert network.cuts == []
        network.cuts = [200_000]
        with store.open(place, 1_000, 500_000) as stream:
            assert stream.read() == CONTENT[1_000:501_000]
        assert not network.cuts


def test_a_connection_that_always_breaks_is_given_up(bucket: TestBucket) -> None:
    bucket.put("film.mp4", CONTENT)
    with Network(bucket.endpoint, cuts=[1_000_000, *[0] * 100]) as network:
        store = store_at(f"s3://{bucket.name}", StorageSettings(endpoint=network.endpoint))
        told = "broke 4 times at byte 1000000"
        with store.open(ObjectPlace(bucket.name, "film.mp4")) as stream, pytest.raises(StorageUnavailable, match=told):
            stream.read()
        assert len(network.cuts) == 97


@pytest.mark.parametrize("unheeded", [b"", b"If-Match"])
@pytest.mark.parametrize("other", [CONTENT[::-1], CONTENT[:-1], CONTENT + b"x"])
def test_an_object_that_is_replaced_in_mid_read_is_not_mixed(bucket: TestBucket, other: bytes, unheeded: bytes) -> None:
    bucket.put("film.mp4", CONTENT)
    with Network(bucket.endpoint, cuts=[1_000_000], without=unheeded) as network:
        store = store_at(f"s3://{bucket.name}", StorageSettings(endpoint=network.endpoint))
        with store.open(ObjectPlace(bucket.name, "film.mp4")) as stream:
            assert stream.read(100) == CONTENT[:100]
            bucket.put("film.mp4", other)
            with pytest.raises(ContentReplaced, match="replaced"):
                stream.read()


def test_an_object_that_is_deleted_in_mid_read_is_missing(bucket: TestBucket) -> None:
    bucket.put("film.mp4", CONTENT)
    with Network(bucket.endpoint, cuts=[1_000_000]) as network:
        store = store_at(f"s3://{bucket.name}", StorageSettings(endpoint=network.endpoint))
        with store.open(ObjectPlace(bucket.name, "film.mp4")) as stream:
            store.remove(["film.mp4"])
            with pytest.raises(FileMissing):
                stream.read()


def all_refused(root: str, settings: StorageSettings) -> StorageUnavailable:
    """The error of each call to a store, which is the same."""
    store, place = store_at(root, settings), store_at(root, settings).place("film.mp4")
    calls: list[Callable[[], object]] = [
        lambda: list(store.entries()),
        lambda: store.entry(place),
        lambda: store.open(place).__enter__(),
        lambda: store.write("film.mp4", b"x"),
        lambda: store.remove(["film.mp4"]),
    ]
    told = []
    for call in calls:
        with pytest.raises(StorageUnavailable) as caught:
            call()
        told.append(caught.value)
    assert len({str(error) for error in told}) == 1
    assert not told[0].permanent
    return told[0]


def test_a_bucket_that_is_not_there(bucket: TestBucket) -> None:
    error = all_refused("s3://no-such-bucket/day", bucket.settings)
    assert (error.subject, error.what) == ("s3://no-such-bucket", "there is no such bucket")
    assert "storage.endpoint" in error.remedy


def test_a_server_that_is_not_there(bucket: TestBucket) -> None:
    with Network(bucket.endpoint) as network:
        closed = network.endpoint
    error = all_refused(f"s3://{bucket.name}", StorageSettings(endpoint=closed))
    assert closed in error.what
    assert "ROLLCALL_STORAGE__ENDPOINT" in error.remedy


def test_nobody_without_credentials_is_let_in(bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = all_refused(f"s3://{bucket.name}", bucket.settings.model_copy(update={"region": "partial-1"}))
    assert "no credentials" in error.what
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    error = all_refused(f"s3://{bucket.name}", bucket.settings.model_copy(update={"region": "none-1"}))
    assert "no credentials" in error.what
    assert "AWS_ACCESS_KEY_ID" in error.remedy
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    error = all_refused(f"s3://{bucket.name}", bucket.settings.model_copy(update={"region": "profile-1"}))
    assert "ProfileNotFound" in error.what


def test_wrong_credentials_are_told_apart_and_never_shown(bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = boto3.client("iam", endpoint_url=bucket.endpoint)
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    iam.close()
    cases = [
        ("AKIAUNKNOWN123456789", "some-secret-key", "does not know this access key"),
        (key["AccessKeyId"], "some-secret-key", "does not belong"),
        (key["AccessKeyId"], key["SecretAccessKey"], "may not do this"),
    ]
    with asking_who(bucket.endpoint):
        for number, (name, secret, what) in enumerate(cases):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", name)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
            # Another region is another client, which looks for credentials anew.
            error = all_refused(f"s3://{bucket.name}", StorageSettings(endpoint=bucket.endpoint, region=f"r-{number}"))
            assert what in error.what
            assert error.subject == f"s3://{bucket.name}"
            assert name not in str(error)
            assert secret not in str(error)


@contextmanager
def refusing(status: int, code: str) -> Iterator[str]:
    """A server that answers everything with one error, and says more in it than it should."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<Error><Code>{code}</Code><Message>your key is TOPSECRET</Message><Key>TOPSECRET</Key></Error>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code", "kind", "told"),
    [
        (400, "ExpiredToken", StorageUnavailable, "expired"),
        (403, "RequestTimeTooSkewed", StorageUnavailable, "clocks"),
        (403, "Whatever", StorageUnavailable, "docs/storage.md"),
        (400, "AuthorizationHeaderMalformed", StorageUnavailable, "storage.region"),
        (403, "InvalidObjectState", FileMissing, "archive"),
        (503, "SlowDown", StorageUnavailable, "503, SlowDown"),
        (500, "", StorageUnavailable, "500, no code"),
        (400, "AKIA TOPSECRET", StorageUnavailable, "400, no code"),
        (404, "Unheard", FileMissing, "no such object"),
        (404, "NoSuchBucket", StorageUnavailable, "no such bucket"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_what_a_server_answers_is_told_in_our_words(
    status: int, code: str, kind: type[RollcallError], told: str
) -> None:
    with refusing(status, code) as endpoint:
        store = store_at("s3://bucket", StorageSettings(endpoint=endpoint))
        with pytest.raises(kind, match=told) as caught, store.open(ObjectPlace("bucket", "film.mp4")):
            pass
    assert type(caught.value) is kind
    assert "TOPSECRET" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert caught.value.remedy


def test_a_server_that_gives_no_parts_is_refused(bucket: TestBucket) -> None:
    class Whole(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"x" * 100)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Whole) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        store = store_at(f"s3://{bucket.name}", StorageSettings(endpoint=f"http://127.0.0.1:{server.server_port}"))
        with pytest.raises(StorageUnavailable, match="no parts"), store.open(ObjectPlace(bucket.name, "a"), 50):
            pass
        server.shutdown()


def test_what_is_deleted_is_asked_for_with_the_checksum_of_older_servers(bucket: TestBucket) -> None:
    seen: list[str] = []
    bucket.client.meta.events.register(
        "before-send.s3.DeleteObjects", lambda request, **_: seen.append(request.headers["Content-MD5"].decode())
    )
    store_at(f"s3://{bucket.name}", bucket.settings).remove(["a"])
    assert len(seen) == 1
    assert len(seen[0]) == 24


def test_no_log_level_writes_requests(bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import logging; from config.logs import configure_logging; from config.service_settings import LogSettings\n"
        "from config.storage_settings import StorageSettings; from storage.opening import store_at\n"
        "configure_logging(LogSettings(level='debug')); logging.getLogger('rollcall').debug('still told')\n"
        f"print(len(list(store_at('s3://{bucket.name}', StorageSettings(endpoint='{bucket.endpoint}')).entries())))"
    )
    monkeypatch.setenv("AWS_SESSION_TOKEN", "TOPSECRET-token")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
    assert "still told" in done.stderr
    assert "TOPSECRET" not in done.stderr
    assert "Authorization" not in done.stderr


def test_boto3_is_loaded_when_a_bucket_is_asked() -> None:
    program = (
        "import sys; from config.storage_settings import StorageSettings; from storage.opening import store_at\n"
        "store_at('s3://bucket', StorageSettings()); print('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
