"""One budget for many trials at once: what a trial may spend is set aside before it begins."""

from __future__ import annotations

_LEAST = 1e-6  # dollars; below that nothing can be bought


class Empty(Exception):
    """The budget is spent."""


class Purse:
    """`most` dollars in all, None for no limit; `share`: what one trial may have at most; `spent`: what is gone."""

    def __init__(self, most: float | None, share: float | None, spent: float) -> None:
        self.spent = spent
        self._most = most
        self._share = share
        self._promised = 0.0

    def take(self) -> float | None:
        """Set aside what a trial may spend and return it, None where there is no limit. Raises Empty."""
        if self._most is None:
            return self._share
        left = self._most - self.spent - self._promised
        if left < _LEAST:
            raise Empty
        given = left if self._share is None else min(self._share, left)
        self._promised += given
        return given

    def settle(self, given: float | None, spent: float) -> None:
        """A trial that was given so much is over and has spent so much."""
        self.spent += spent
        if self._most is not None and given is not None:
            self._promised -= given
