"""What the URI of a storage may hold, and what of it is shown: a credential in it would stand in logs and in files.

A URI is unquoted before it is looked at, as often as it is quoted, as pyarrow takes `%73ecret_key` and `key%3A...%40`
for what they stand for. Of its options only those are let through that are known to hold no secret. An error names no
others, as what stands there may be one. Errors and logs show scheme, bucket and path alone.
"""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from raykd.errors import InvalidError, nearest

# pyarrow 26's, without those that hold keys, tokens or a role's identity.
OPTIONS = (
    *("region", "location", "endpoint_override", "scheme", "smart_defaults", "retry_limit_seconds", "project_id"),
    *("allow_bucket_creation", "allow_bucket_deletion", "allow_delayed_open", "background_writes"),
    *("tls_ca_file_path", "tls_ca_dir_path", "tls_verify_certificates"),
    *("blob_storage_authority", "dfs_storage_authority", "enable_tls", "credential_kind", "tenant_id", "client_id"),
)
_SECRET = re.compile(
    r"(?i)@|(key|secret|token|passw|pwd|signature|external_?id|x-amz-|(?<![a-z])(sig|sas|pass|user))[^=&?;/]*="
    r"|://[^/?#\[\]]*:\d*[a-z_+-]"  # a port is digits alone
)
_VALUE = re.compile(r"[\w.:/\[\]~+-]*")
_BUCKET = re.compile(r"[\w.-]*(:\d+)?")
_ANYWHERE = re.compile(r"(?i)[a-z][a-z0-9+.-]*(:|%(25)*3A)(/|%(25)*2F)[^\s'\"<>]+")


def check_address(uri: str) -> None:
    """Refuses a URI that may hold a credential, and one that names no bucket.

    Raises:
        ValueError: the rule, in a line without what may be secret.
    """
    if _may_be_secret(uri):
        raise InvalidError(f"the storage {shown(uri)} must hold no credentials; they come from the environment")
    plain = _unquoted(uri)
    if _BUCKET.fullmatch(re.split("[/?#]", plain.partition("://")[2])[0]) is None:
        raise InvalidError(f"the storage {_scheme(uri)}://***: a bucket has letters, digits, '.', '-' and '_'")
    parts = urlsplit(uri)
    if parts.fragment or (parts.scheme != "file" and not parts.netloc):
        raise InvalidError(f"the storage {shown(uri)} names no bucket; such as s3://bucket/prefix")
    if re.search("[?#&]", _unquoted(parts.path)):
        raise InvalidError(f"the storage {_scheme(uri)}://{parts.netloc}/***: a path must hold no ?, # or &")
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in OPTIONS:
            raise InvalidError(f"the storage {shown(uri)} has an option that is not known; {nearest(name, OPTIONS)}")
        if _VALUE.fullmatch(value) is None:
            raise InvalidError(f"the storage {shown(uri)}: the value of its option {name} has odd characters")


def is_address(typed: str) -> bool:
    """Whether what was typed is a URI, and no path; also one whose colon or slashes are quoted."""
    return "://" in _unquoted(typed)


def shown(uri: str) -> str:
    """A URI as errors and logs show it: scheme, bucket and path alone; of one that may hold a credential the scheme."""
    return f"{_scheme(uri)}://***" if _may_be_secret(uri) else re.split("[?#]", uri)[0]


def masked(line: str) -> str:
    """A line for the screen, in which each URI that may hold a credential is its scheme alone."""
    return _ANYWHERE.sub(lambda found: shown(found[0]) if _may_be_secret(found[0]) else found[0], line)


def _may_be_secret(uri: str) -> bool:
    """Whether it has a user or a password, or a word for one before `=`, wherever they stand."""
    return _SECRET.search(_unquoted(uri)) is not None


def _scheme(uri: str) -> str:
    return re.split("[:%]", uri)[0]


def _unquoted(text: str) -> str:
    """A text in which nothing is quoted any more, not even what was quoted twice."""
    while (once := unquote(text)) != text:
        text = once
    return text
