"""Files that are never read unless asked: keys, tokens, passwords. The list looks at names, and at the first line.

A provider that is sent a key has it for ever, so the list errs towards leaving out; `--include-secrets` undoes it.
"""

from __future__ import annotations

import re

from rlm_cli.context.ignore import Layer

_DIRECTORIES = """
    .ssh .aws .gnupg .azure .gcloud .kube .password-store .chef .doppler .terraform.d .oci .step .bitwarden
"""

_NAMES = """
    .env .envrc .npmrc .pypirc .netrc _netrc .git-credentials .htpasswd .pgpass .my.cnf .mylogin.cnf .boto
    .s3cfg .dockercfg .vault-token .vault_pass .vault_password .terraformrc .credentials .yarnrc.yml
    .gem_credentials .bash_history .zsh_history .sh_history .python_history .node_repl_history .psql_history
    .mysql_history credentials credentials.json credentials.toml credentials.yml credentials.yaml
    application_default_credentials.json secret.yml secret.yaml secret.json secret.toml secrets.yml
    secrets.yaml secrets.json secrets.toml secrets.env kubeconfig kubeconfig.yaml kubeconfig.yml
    ssh_host_rsa_key ssh_host_ecdsa_key ssh_host_ed25519_key ssh_host_dsa_key shadow gshadow
"""

_SUFFIXES = """
    .env .pem .key .p8 .p12 .pfx .pkcs12 .jks .keystore .bks .ppk .kdb .kdbx .ovpn .keytab .tfstate .tfvars
    .jwk .kubeconfig .keychain .mobileprovision
"""

# What the names above do not say alone: patterns of git's kind that notice it cheaply, and the exact test below.
_PATTERNS = """
    .env.* env.* *.local *.prod *.production *.dev *.development *.staging *.backup id_* *_rsa *_dsa *_ecdsa *_ed25519
    client_secret* client-secret* service-account* service_account* serviceaccount* config.json hosts.yml hosts.yaml
    auth.json credentials.*
"""

_EXACT = re.compile(
    r"""
    \.env\..+ | env\.(local|prod|production|dev|development|staging|secret|secrets)
    | .+\.env\.(local|prod|production|dev|development|staging)
    | id_[^.]+ | id_(rsa|dsa|ecdsa|ed25519|xmss)(_sk)?\..+ | [^.]+_(rsa|dsa|ecdsa|ed25519)
    | client[-_]secret[^/]*\.json | service[-_]?account[^/]*\.json
    | .+\.tfstate\.backup | credentials\.(ini|cfg|conf|db|csv|txt|xml|properties)
    """,
    re.VERBOSE,
)
_PLACES = re.compile(
    r"(^|/)(\.docker/config\.json|\.config/(gcloud/.+|gh/hosts\.ya?ml|hub|rclone/rclone\.conf)|\.composer/auth\.json"
    r"|\.local/share/keyrings/.+|\.codex/auth\.json|\.gem/credentials|\.cargo/credentials(\.toml)?)$"
)
# Templates and public halves, which are there to be read.
_PUBLIC = re.compile(
    r"""
    .*\.pub | (.*\.)?env\.(example|sample|template|tpl|dist|defaults?|schema|test)
    | (.*\.)?env\.(d\.ts|ts|js|mjs|cjs|py|rb|go|md|txt|in)
    | \.envrc\.(example|sample|template) | .+\.(example|sample|template|tpl|dist)
    """,
    re.VERBOSE,
)
_KEY_HEAD = re.compile(rb"\s*(-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-\d)")

_directories = frozenset(_DIRECTORIES.split())
_names = frozenset(_NAMES.split())
_suffixes = tuple(_SUFFIXES.split())


def is_secret(path: bytes) -> bool:
    """Whether the file at `path` is left out by its name or by a directory above it. Case does not matter here."""
    text = path.decode("utf-8", "replace").lower()
    *above, name = text.split("/")
    if not _directories.isdisjoint(above):
        return not name.endswith(".pub")
    if _PUBLIC.fullmatch(name):
        return False
    return (
        name in _names
        or name.endswith(_suffixes)
        or _EXACT.fullmatch(name) is not None
        or _PLACES.search(text) is not None
    )


def is_secret_directory(name: bytes) -> bool:
    """Whether nothing below a directory of that name is read."""
    return name.decode("utf-8", "replace").lower() in _directories


def starts_like_key(head: bytes) -> bool:
    """Whether a file that begins with `head` is a private key, whatever its name."""
    return _KEY_HEAD.match(head) is not None


def noticing_layer() -> Layer:
    """The names above as a layer that notices candidates during a walk; `is_secret` then decides."""
    names = [*_NAMES.split(), *(f"*{suffix}" for suffix in _suffixes), *_PATTERNS.split()]
    lines = [*names, *(f"*{suffix}".upper() for suffix in _suffixes), *(f"{name}/" for name in _DIRECTORIES.split())]
    return Layer("\n".join(lines).encode())
