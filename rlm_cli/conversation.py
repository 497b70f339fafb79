"""A node's conversation with the root model: what the model is sent, and everything that was ever said.

Messages are only appended, so that a provider's prompt cache holds; compaction alone cuts. It replaces the turns
between the opening and the last feedback by a summary that the model itself wrote. The raw turns stay readable in
`history`, and variables live on in the sandbox.
"""

from __future__ import annotations

from rlm_cli.models import Message
from rlm_cli.prompts import transcript


class Conversation:
    """Messages of one node, in order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._said: list[Message] = []
        self._opening = 0

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self._said.append(message)

    def opened(self) -> None:
        """What was added so far (system, worked examples, task) is never cut."""
        self._opening = len(self.messages)

    def asking(self, wanted: str) -> list[Message]:
        """The messages with a further wish at their end. Two user messages in a row are refused by some providers."""
        messages = list(self.messages)
        if messages and messages[-1].role == "user":
            messages[-1] = Message("user", f"{messages[-1].content}\n\n{wanted}")
        else:
            messages.append(Message("user", wanted))
        return messages

    @property
    def can_be_cut(self) -> bool:
        """Whether there are turns between the opening and the last feedback."""
        return len(self.messages) > self._opening + 2

    @property
    def kept(self) -> int:
        """How many messages compaction keeps from the beginning."""
        return self._opening

    def cut(self, summary: str) -> None:
        """Put `summary`, as the model's own words, in the place of the turns in between."""
        last = self.messages[-1]
        self.messages[self._opening :] = [Message("assistant", summary), last]

    def forget_repeated(self) -> None:
        """Take out the turn before the last reply, which says the same: a weak model copies what it sees twice.

        The last message is that reply; its feedback comes next.
        """
        if len(self.messages) >= self._opening + 3 and self.messages[-3].content == self.messages[-1].content:
            del self.messages[-3:-1]

    def shown(self) -> str:
        """What the model was told since the opening, and the task: outputs and notes, none of its own words."""
        told = [message.content for message in self._said[self._opening - 1 :] if message.role == "user"]
        return "\n".join(told)

    def transcript(self) -> str:
        """All that was ever said, as text."""
        return transcript(self._said)
