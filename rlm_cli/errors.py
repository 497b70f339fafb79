"""Every way a run can end badly, and the exit status of each.

The tree (a leaf's name says the cause):

    RlmError
    ├── UsageError                  2   a bad flag, value, configuration or schema
    ├── InputError                  3   nothing to read
    ├── AuthError                   4   no key, or the key was refused
    ├── ProviderError               5   a model call failed after its retries
    │   ├── Unreachable                 no connection, reset, broken stream
    │   ├── CallTimedOut                no reply within --call-time
    │   ├── RateLimited                 429; carries `retry_after` in seconds
    │   ├── ServerFailed                5xx and overload
    │   ├── BadReply                    not what the protocol promises: HTML, empty, invalid JSON
    │   ├── ContextTooLong              the prompt does not fit the model's window
    │   ├── ModelNotFound               the provider does not know this name
    │   ├── Refused                     content filter or policy
    │   └── BadRequest                  any other 4xx
    ├── LimitReached                6   cost, tokens, calls, turns or depth
    │   └── OutOfTime               7   --max-time
    ├── SandboxError                8   the sandbox could not start or did not hold
    ├── SchemaError                 9   the answer does not fit --schema
    ├── ReplayDiverged              70  a recorded run does not repeat itself
    ├── OutputError                 74  the answer could not be written; the journal has it
    └── Interrupted                 130 / 143 / 129 / 141   by a signal or a reader that went away

`main()` is the only place that turns an error into an exit status. A message is one sentence that says what was looked
at; `hint` says what to do next.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar


class ExitStatus(IntEnum):
    """What the process tells its caller. Kept stable: scripts and CI depend on the numbers."""

    ANSWERED = 0
    NOT_FOUND = 1
    USAGE = 2
    INPUT = 3
    AUTH = 4
    PROVIDER = 5
    LIMIT = 6
    TIMEOUT = 7
    SANDBOX = 8
    SCHEMA = 9
    BUG = 70  # EX_SOFTWARE of sysexits.h
    OUTPUT = 74  # EX_IOERR of sysexits.h
    HANGUP = 129  # 128 + SIGHUP
    INTERRUPTED = 130  # 128 + SIGINT
    PIPE = 141  # 128 + SIGPIPE
    TERMINATED = 143  # 128 + SIGTERM

    @property
    def meaning(self) -> str:
        """One short phrase, for help and README."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitStatus.ANSWERED: "answered",
    ExitStatus.NOT_FOUND: "not found: the run finished, the input does not hold it",
    ExitStatus.USAGE: "usage: a bad flag, value, configuration or schema",
    ExitStatus.INPUT: "input: nothing to read",
    ExitStatus.AUTH: "no key, or the key was refused",
    ExitStatus.PROVIDER: "the model's provider failed after retries",
    ExitStatus.LIMIT: "a limit was reached (cost, calls, tokens, turns); a partial answer is printed",
    ExitStatus.TIMEOUT: "out of time; a partial answer is printed",
    ExitStatus.SANDBOX: "the sandbox could not start or hold",
    ExitStatus.SCHEMA: "the answer does not fit --schema",
    ExitStatus.BUG: "a bug in rlm",
    ExitStatus.OUTPUT: "the answer could not be written (disk full, stdout closed); the journal has it",
    ExitStatus.HANGUP: "hung up (SIGHUP)",
    ExitStatus.INTERRUPTED: "interrupted (Ctrl-C); `rlm resume` goes on",
    ExitStatus.PIPE: "the reader of -f jsonl went away",
    ExitStatus.TERMINATED: "terminated (SIGTERM); `rlm resume` goes on",
}


class RlmError(Exception):
    """The root of every error that a user can meet.

    `message`, which is what `str` says, is one sentence; `hint` one sentence on what to do next, or empty. A traceback
    shows the hint as a note of the exception.
    """

    exit_status: ClassVar[ExitStatus] = ExitStatus.BUG
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.answer: Any = None  # from Python: an `Answer` with what there is of one

    @property
    def hint(self) -> str:
        return self._hint

    @hint.setter
    def hint(self, hint: str) -> None:
        self._hint = hint
        self.__notes__ = [hint] if hint else []

    @property
    def status(self) -> ExitStatus:
        """The exit status of this very error; only `Interrupted` decides it per instance."""
        return self.exit_status


class UsageError(RlmError):
    exit_status = ExitStatus.USAGE


class InputError(RlmError):
    exit_status = ExitStatus.INPUT


class AuthError(RlmError):
    exit_status = ExitStatus.AUTH


class ProviderError(RlmError):
    """`maybe_billed`: it failed after the request was sent, so the provider may charge for it all the same."""

    exit_status = ExitStatus.PROVIDER
    maybe_billed = False


class Unreachable(ProviderError):
    retryable = True


class CallTimedOut(ProviderError):
    retryable = True


class RateLimited(ProviderError):
    retryable = True

    def __init__(self, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class ServerFailed(ProviderError):
    retryable = True

    def __init__(self, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class BadReply(ProviderError):
    retryable = True


class ContextTooLong(ProviderError):
    pass


class ModelNotFound(ProviderError):
    pass


class Refused(ProviderError):
    pass


class BadRequest(ProviderError):
    pass


class LimitReached(RlmError):
    """`limit` is the flag's name without dashes: cost, tokens, calls, turns, depth or time."""

    exit_status = ExitStatus.LIMIT

    def __init__(self, message: str, hint: str = "", *, limit: str) -> None:
        super().__init__(message, hint)
        self.limit = limit


class OutOfTime(LimitReached):
    exit_status = ExitStatus.TIMEOUT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, limit="time")


class SandboxError(RlmError):
    exit_status = ExitStatus.SANDBOX


class SchemaError(RlmError):
    """`value` is the last one that was tried: --json shows it."""

    exit_status = ExitStatus.SCHEMA

    def __init__(self, message: str, hint: str = "", *, value: object = None) -> None:
        super().__init__(message, hint)
        self.value = value


class ReplayDiverged(RlmError):
    exit_status = ExitStatus.BUG


class OutputError(RlmError):
    """Where the answer should go takes no more: the disk is full, or the stream was never open.

    A reader that has gone away is no error of this kind: it had what it wanted.
    """

    exit_status = ExitStatus.OUTPUT


class Interrupted(RlmError):
    """The user, the system or the reader of our output asked us to stop."""

    def __init__(self, message: str, hint: str = "", *, status: ExitStatus = ExitStatus.INTERRUPTED) -> None:
        super().__init__(message, hint)
        self._status = status

    @property
    def status(self) -> ExitStatus:
        return self._status
