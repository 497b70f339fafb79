"""A node's conversation with the root model: what the model is sent, and everything that was ever said.

Messages are only appended, so that a provider's prompt cache holds; compaction alone cuts. It replaces the turns
between the opening and the last feedback by a summary that the model itself wrote. The raw turns stay readable in
`history`, and variables live on in the sandbox.
"""

from __future__ import annotations

from rlm_cli.models import Message
from rlm_cli.models.tokens import MESSAGE, count, count_messages
from rlm_cli.prompts import transcript
from rlm_cli.replies import shorten


class Conversation:
    """Messages of one node, in order."""

    def __init__(self, question: str = "") -> None:
        self.question = question  # that is being answered now
        self.messages: list[Message] = []
        self._said: list[Message] = []
        self._opening = 0

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self._said.append(message)

    def opened(self) -> None:
        """What was added so far (system, worked examples, task) is never cut."""
        self._opening = len(self.messages)

    def asking(self, wanted: str, most: int | None = None) -> list[Message]:
        """The messages with a further wish at their end. Two user messages in a row are refused by some providers.

        `most`: tokens that they may take in all, at most; what was said first, behind the task, is left out then.
        """
        messages = list(self.messages) if most is None else self._recent(most - count(wanted)[1])
        if messages and messages[-1].role == "user":
            messages[-1] = Message("user", f"{messages[-1].content}\n\n{wanted}")
        else:
            messages.append(Message("user", wanted))
        return messages

    def _recent(self, most: int) -> list[Message]:
        """System prompt and task without worked examples, and as many of the last turns as `most` tokens hold."""
        task, said = self.messages[max(0, self._opening - 1) : self._opening], self.messages[self._opening :]
        kept = [message for message in self.messages[:1] if message.role == "system"] + task
        left, turns = most - count_messages(kept)[1], []
        for place in range(len(said) - 1, -1, -1):
            left -= count(said[place].content)[1] + MESSAGE
            if left < 0:
                break
            if said[place].role == "assistant":
                turns = said[place:]
        if not turns and said:  # what is told of the last turn alone is too long
            last = said[-1]
            room = max(0, most - count_messages(kept)[1]) // 2  # characters: one takes up to two tokens
            turns = [Message("assistant", "…"), Message(last.role, shorten(last.content, room))]
        return kept + turns

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
        return self._told(self._opening - 1)

    def outputs(self) -> str:
        """The same without the task."""
        return self._told(self._opening)

    def _told(self, since: int) -> str:
        return "\n".join(message.content for message in self._said[since:] if message.role == "user")

    def transcript(self) -> str:
        """All that was ever said, as text."""
        return transcript(self._said)
