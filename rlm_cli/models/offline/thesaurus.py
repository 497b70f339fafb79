"""What people call a thing, and what code calls it. Small and general: tuned words help one repository only."""

from __future__ import annotations

import re
from itertools import pairwise

from rlm_cli.context.words import STOP, question_words, stem

_SAME = """
auth authentication authenticate login signin credential token permission
authentication auth login signin credential token
login signin auth authenticate session
logout signout
password credential secret passwd
permission access role acl authorize privilege
config configuration configure setting option preference
settings config configuration option
options flags arguments parameters settings
environment environ env getenv
redirect redirection location 3xx
timeout deadline expire
retry attempt backoff again
cache memo memoize lru
error exception fail failure raise
exception error raise
crash panic fatal abort exception
fail failure error exception
log logger logging
database db sql query orm
delete remove drop erase
remove delete drop
create new make build construct
insert add append put
fetch get load retrieve download
load read open import
save write store dump persist
store save persist keep
send post dispatch emit publish
receive recv consume listen
start begin launch boot run main startup
stop shutdown close terminate end quit cleanup
shutdown close stop terminate cleanup graceful
parse parser parsing decode tokenize lexer
tokens lexer token tokenize
serialize dump encode marshal json
deserialize load decode unmarshal parse
encrypt cipher crypto encode
hash digest checksum
validate check verify assert sanitize
verify check validate
convert cast coerce transform
format render style
render template draw display
draw render paint plot display
print output display echo write
display show render print
user account member
route router routing url endpoint path dispatch
url uri link address route
endpoint route handler api view
request req http
response reply resp
connection connect socket pool
pool pooling reuse connection
thread concurrent parallel worker lock
lock mutex semaphore
queue buffer channel
schedule cron timer job task
permission allow deny
upload multipart file
compress gzip deflate zip decompress
decompress gzip deflate inflate brotli
test tests unittest
size length width dimension
measure size width length
limit max maximum cap quota throttle rate
rate throttle limit
detect find guess discover
guess detect chardet infer
default defaults fallback
command cli subcommand
argument arg argv parameter
directory dir folder path
folder directory dir
temporary tmp temp
colour color
color colour
certificate cert ssl tls ca
tls ssl certificate
ssl tls certificate
proxy proxies
header headers
dependency dependencies inject require
plugin extension hook addon
hook callback signal
event listener emit signal
notify notification alert
payment billing charge invoice price
price cost amount
email mail smtp
date time datetime timestamp
translate translation i18n locale
migrate migration upgrade schema
document docs doc
install setup
version release
websocket ws socket
dns resolve resolver hostname
host hostname server
stdout output stream
stream iterate chunk
sign signature signer
sent send
kept keep store
held hold
chosen choose select pick
drawn draw render
thrown throw raise
written write dump save
built build
hidden hide
torn teardown
spent spend
shown show display render
docs documentation
"""

# Words that questions use for nearly any deed: they help where they are rare and mislead where they are not.
_VAGUE_WORDS = """
handle handled handling define defined implement implemented implementation do process processed perform manage
managed compute computed calculate calculated configure configured configurable set happen decide decided determine
determined control controlled support supported call called take taken go read written write built build create
created apply applied choose chosen locate located code function class method module file files line lines part
place logic able right way kind type work done point different follow followed following specific internally exactly
currently first last
"""
_VAGUE_AS_WRITTEN = frozenset(_VAGUE_WORDS.split())
_VAGUE = frozenset(map(stem, _VAGUE_AS_WRITTEN))
_THINGS = ("er", "ers", "or", "ors", "ation", "ations")
"""Endings of nouns: what is configured is any deed, a configuration and a handler are things that are looked for."""


def _table() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for line in _SAME.strip().splitlines():
        word, *others = line.split()
        table.setdefault(stem(word), tuple(others))
    return table


_PARTICLES = frozenset(["over", "up", "out", "in", "off", "down", "back", "on"])
_TABLE = _table()
_VAGUELY = 0.3


def synonyms(word: str) -> tuple[str, ...]:
    """Other words for it, nearest first, without those of the same stem."""
    key = stem(word.lower())
    return tuple(other for other in _TABLE.get(key, ()) if stem(other) != key)


def neighbours(question: str) -> dict[str, tuple[str, ...]]:
    """word → what it makes with its particle: names are one word where questions use two, `fail over`, `time out`.

    Any two words joined cost first places: "random graphs" is a part of many names that are not what is meant.
    """
    tokens = re.findall(r"[A-Za-z]+", question)
    found: dict[str, tuple[str, ...]] = {}
    for one, other in pairwise(tokens):
        if (
            other.lower() in _PARTICLES
            and len(one) > 2
            and one.lower() not in STOP
            and re.search(rf"{one}[ -]{other}", question)
        ):
            found.setdefault(one, (one.lower() + other.lower(),))
    return found


def vague(word: str) -> bool:
    """Whether the word says little about what is looked for."""
    lower = word.lower()
    return lower in _VAGUE_AS_WRITTEN or (stem(lower) in _VAGUE and not lower.endswith(_THINGS))


def weight(word: str) -> float:
    """How much the word counts in its question."""
    return _VAGUELY if vague(word) else 1.0


def query(question: str) -> str:
    """The words of a question for `search`: each with its alternatives, vague ones with less weight."""
    joined = neighbours(question)
    return " ".join(
        "|".join((word, *synonyms(word), *joined.get(word, ()))) + (f"^{weight(word)}" if weight(word) < 1 else "")
        for word in question_words(question)
    )
