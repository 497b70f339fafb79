"""The painter: keeps a few lines at the bottom of a terminal up to date, and leaves the scrollback alone.

Why not `rich.live.Live`: when a window narrows, the terminal wraps the lines of the last frame, and Live goes up by the
lines it wrote, not by the rows they now take. Measured in tmux, half of each frame stayed as garbage. Here rows are
counted at the width of the moment. Each row is cleared by itself: `ESC [ J` from the top makes tmux copy the screen
into its history at every frame.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from rlm_cli.sinks.line import Line
from rlm_cli.terminal import Output

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # synchronised output: the terminal shows a frame at once
_CLIP, _WRAP = "\x1b[?7l", "\x1b[?7h"  # what is wider than we think is clipped, and the count of rows stays true
_CLEAR = "\x1b[2K"

_Handler = Callable[[int, FrameType | None], None]

_LIVE: weakref.WeakSet[Painter] = weakref.WeakSet()


def restore_terminals() -> None:
    """Give every terminal back as it was: cursor, wrapping. For `os._exit`, which runs no clean-up. Never raises."""
    for painter in list(_LIVE):
        painter.restore()


class Painter:
    """Draws frames on one terminal. Not thread-safe: the tree holds a lock around it."""

    def __init__(self, output: Output, variables: Mapping[str, str]) -> None:
        self.output = output
        self._widths: list[int] = []  # cells of each line of the last frame
        self._shown: tuple[list[str], int] = ([], 0)
        self._hidden = False
        # Xterm, st and the kernel's console do not wrap a narrowed line anew: their rows stay as they were drawn.
        term = variables.get("TERM", "")
        stiff = ("st-", "linux") if "TMUX" in variables else ("st-", "linux", "screen")
        self._reflows = "XTERM_VERSION" not in variables and not term.startswith(stiff)
        _LIVE.add(self)

    def paint(self, lines: Sequence[Line], above: str = "") -> None:
        """Replace the last frame by `lines`, after `above`, whole lines that stay.

        One write; none when nothing changed.
        """
        columns, rows = self.output.size()
        drawn = [line.render(self.output.colour) for line in lines[: max(1, rows - 1)]]
        if not above and (drawn, columns) == self._shown:
            return
        height = min(self._height(columns), rows)  # what has left the window cannot be reached
        parts = [_BEGIN, "" if self._hidden else _HIDE, _back(height)]
        if above or height != len(drawn):
            parts += ["\r\n".join([_CLEAR] * height), _back(height)]
        parts += [above.replace("\n", "\r\n"), _CLIP, "\r\n".join(_CLEAR + row for row in drawn), _WRAP, _END]
        self.output.try_write("".join(parts))
        self._hidden = True
        self._widths = [line.width for line in lines[: len(drawn)]]
        self._shown = (drawn, columns)

    def forget(self) -> None:
        """The last frame is not ours to replace any more: the next starts on a fresh line."""
        self._widths, self._shown = [], ([], 0)

    def restart(self) -> None:
        """As `forget`, where the terminal may have been changed by others meanwhile."""
        self._hidden = False
        self.forget()

    def leave(self) -> None:
        """Go below the last frame, which stays, and give the terminal back."""
        if self._hidden:
            self.output.try_write(("\r\n" if self._widths else "") + _SHOW + _WRAP)
        self.restart()

    def finish(self, above: str = "") -> None:
        """Put `above` where the last frame was, and give the terminal back."""
        if self._hidden or above:
            self.paint([], above)
            self.output.try_write(_SHOW)
        self.restart()
        _LIVE.discard(self)

    def restore(self) -> None:
        """As `leave`, by one plain system call: for signal handlers and the end of the process."""
        file, hidden, self._hidden = self.output.file, self._hidden, False
        if hidden and file is not None:
            with contextlib.suppress(OSError, ValueError):
                os.write(file.fileno(), f"{_END}{_WRAP}{_SHOW}\r\n".encode())
            self.forget()

    def _height(self, columns: int) -> int:
        """Rows that the last frame takes now."""
        if not self._reflows:
            return len(self._widths)
        return sum(max(1, -(-width // columns)) for width in self._widths)


def _back(height: int) -> str:
    """From the end of a frame of `height` rows to the start of its first."""
    return "\r" + (f"\x1b[{height - 1}A" if height > 1 else "")


class Guard:
    """Keeps the cursor's promise: it comes back on every way out of the process, and motion stops with Ctrl-Z.

    Handlers are set only where nobody else has set one, and only in the main thread.
    """

    _FATAL = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def __init__(self, painter: Painter, lock: threading.RLock) -> None:
        self._painter, self._lock = painter, lock
        self._set: dict[signal.Signals, _Handler] = {}
        atexit.register(restore_terminals)
        if threading.current_thread() is not threading.main_thread():
            return
        wanted: dict[signal.Signals, _Handler] = dict.fromkeys(self._FATAL, self._die)
        wanted |= {signal.SIGTSTP: self._stop, signal.SIGCONT: self._continue}
        for number, handler in wanted.items():
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, handler)
                self._set[number] = handler

    def close(self) -> None:
        """Take back the handlers that are still ours."""
        for number, handler in self._set.items():
            if signal.getsignal(number) == handler:
                signal.signal(number, signal.SIG_DFL)
        self._set.clear()

    def _die(self, number: int, _frame: FrameType | None) -> None:
        self._painter.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the frame stays as it is, the shell gets its cursor; `fg` starts a fresh frame below."""
        with self._lock:
            self._painter.leave()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # stops here until SIGCONT
            signal.signal(number, self._stop)

    def _continue(self, _number: int, _frame: FrameType | None) -> None:
        """After a stop that we did not see coming: what is above the cursor is the shell's."""
        with self._lock:
            self._painter.restart()
