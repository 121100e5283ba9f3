"""What a storage's URI may hold: no credential, however it is quoted, is taken, shown or repeated."""

import logging
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from pyarrow import fs

from raykd.__main__ import main
from raykd.runs.saved_result import load_result
from raykd.storage.address import OPTIONS, check_address, masked, shown
from raykd.storage.opening import open_storage
from raykd.storage.synced import SyncedStorage

SECRET = "wJalrXUtnFEMI"  # as of a key of Amazon's own examples


def quoted_whole(text: str) -> str:
    """A text of which every letter is quoted."""
    return "".join(f"%{ord(letter):02X}" for letter in text)


HIDDEN = (
    f"s3://AKIA:{SECRET}@bucket/x",
    f"s3://AKIA%3A{SECRET}@bucket/x",
    f"s3://AKIA%3A{SECRET}%40bucket/x",
    f"s3://AKIA%253A{SECRET}%2540bucket/x",
    f"s3://AKIA:{SECRET}/x",
    f"s3://AKIA%3A{SECRET}/x",
    f"s3%3A//AKIA:{SECRET}@bucket/x",
    f"s3://{quoted_whole(f'AKIA:{SECRET}@bucket')}/x",
    f"s3://bucket/x?secret_key={SECRET}",
    f"s3://bucket/x?%73ecret_key={SECRET}",
    f"s3://bucket/x?{quoted_whole('secret_key')}={SECRET}",
    f"s3://bucket/x?{quoted_whole(f'secret_key={SECRET}')}",
    f"s3://bucket/x?Access_Key={SECRET}",
    f"s3://bucket/x?region=us-east-1&external_id={SECRET}",
    f"s3://bucket/x?ex%74ernal_id={SECRET}",
    f"s3://bucket/x?session_name={SECRET}",
    f"s3://bucket/x?role_arn={SECRET}",
    f"s3://bucket/x?X-Amz-Credential={SECRET}",
    f"s3://bucket/x?region=a;secret_key={SECRET}",
    f"s3://bucket/x?region={quote(f'a&secret_key={SECRET}', safe='')}",
    f"s3://bucket/x?endpoint_override=user:{SECRET}@host",
    f"s3://bucket/x?endpoint_override=host%3Fpassword={SECRET}",
    f"s3://bucket/x%3Fsecret_key={SECRET}",
    f"s3://bucket/x%3F{SECRET}",
    f"s3://bucket/x%23{SECRET}",
    f"s3://bucket/x#{SECRET}",
    f"s3://bucket/x?{SECRET}",
    f"s3://bucket {SECRET}/x",
    f"abfs://account.blob.core.windows.net/x?sas={SECRET}",
    f"abfs://account.blob.core.windows.net/x?sv=2024&sig={SECRET}",
    f"abfs://account.blob.core.windows.net/x?client_secret={SECRET}",
    f"gs://bucket/x?access_token={SECRET}",
    f"file:///tmp/x?secret={SECRET}",
)


@pytest.mark.parametrize("uri", HIDDEN)
def test_a_credential_is_refused_however_it_is_quoted_and_not_repeated(uri: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ask in (open_storage, check_address, load_result):
        with pytest.raises(ValueError, match="the storage") as caught:
            ask(uri)
        assert SECRET not in str(caught.value) and "%" not in str(caught.value)
    assert not list(tmp_path.iterdir()), "and no folder has its name"


@pytest.mark.parametrize("uri", HIDDEN[:14])
def test_what_is_shown_of_it_is_its_scheme_also_in_the_middle_of_a_line(uri: str):
    assert SECRET not in shown(uri)
    assert masked(f"no folder '{uri}'; see s3://other/x?region=a") == "no folder 's3://***'; see s3://other/x?region=a"


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("stop",),
        ("board",),
        ("evaluate",),
        ("evaluate", "first", "--storage"),
        ("predict", "first"),
        ("distill", "--recipe"),
        ("tune", "--trials"),
        ("stray",),
        ("status", "runs"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("uri", [HIDDEN[2], HIDDEN[9]])
def test_no_command_repeats_a_credential_that_was_typed(
    words: tuple[str, ...], uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, caplog
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["raykd", *words, uri])
    caplog.set_level(logging.DEBUG)
    assert main() == 1
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err + caplog.text and said.err.startswith("error: ")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/deep/prefix?endpoint_override=minio.local:9000&scheme=https",
        "s3://bucket/prefix?endpoint_override=127.0.0.1%3A9000&scheme=http&region=us-east-1",
        "s3://monkey/keys/date=2026-11-29?region=eu-west-1&tls_ca_file_path=/etc/ssl/own.pem",
        "gs://bucket/prefix?location=EU&retry_limit_seconds=5",
    ],
)
def test_what_holds_no_credential_is_taken_and_shown_without_its_options(uri: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    opened = open_storage(uri)
    assert isinstance(opened, SyncedStorage)
    assert opened.uri_of(opened.root / "first").startswith(f"{shown(uri)}/first?")
    assert opened.shown(opened.root / "first") == f"{uri.partition('?')[0]}/first"
    assert masked(f"type: raykd status {uri}") == f"type: raykd status {uri}", "what is to be typed works"


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_is_one_that_pyarrow_knows(option: str):
    """So that the list does not outlive what it is of."""
    answers: list[str] = []
    for uri in ("s3://bucket/x?region=a&", "gs://bucket/x?", "abfs://account.blob.core.windows.net/x?"):
        try:
            fs.FileSystem.from_uri(f"{uri}{option}=1")
            answers.append("taken")
        except (ValueError, OSError, NotImplementedError) as error:
            answers.append(str(error))
    assert any("query parameter" not in answer for answer in answers), answers
