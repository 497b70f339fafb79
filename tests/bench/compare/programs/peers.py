"""The peers, each by what it says differently."""

from __future__ import annotations

from tests.bench.compare.programs.driven import Driven


class Rlms(Driven):
    """The reference implementation (alexzhang13/rlm): a library, cells run in its own process."""

    name = "rlms"

    def help(self) -> list[str]:
        return [self.python, "-c", "import rlm"]

    def reply(self, code: str) -> str:
        return f"```repl\n{code}\n```"

    def children(self, prompts: str) -> str:
        return f"rlm_query_batched({prompts})"


class Dspy(Driven):
    """`dspy.RLM`. Its default interpreter needs Deno and modules from deno.land at its first start; here it runs with
    its `LocalInterpreter`, which is faster and confines nothing."""

    name = "dspy"
    without = "its children (dspy.RLM in a cell) need its Deno sandbox"

    def help(self) -> list[str]:
        return [self.python, "-c", "import dspy"]

    def reply(self, code: str) -> str:
        return (
            f"[[ ## reasoning ## ]]\nas scripted\n\n[[ ## code ## ]]\n```python\n{code}\n```\n\n[[ ## completed ## ]]"
        )

    def final(self, value: str) -> str:
        return f"SUBMIT(answer=str({value}))"


class Droste(Driven):
    """The command `droste`: directories, stdin, budgets; cells run in its own process."""

    name = "droste"
    context = 'context["files"][0]["text"]'
    without = "children are plain calls in its command line"

    def batch(self, prompts: str) -> str:
        """In batches of 50: it takes no more at once."""
        return f"[one for wanted in [{prompts}] for at in range(0, len(wanted), 50) for one in llm_query_batched(wanted[at:at + 50])]"


class Rlmness(Driven):
    """`rlmness`: every sub-call is a child with a process of its own; there are no plain calls."""

    name = "rlmness"
    context = "PROMPT"

    def final(self, value: str) -> str:
        return f"FINAL(str({value}))"

    def batch(self, prompts: str) -> str:
        return f"await gather_rlm({prompts})"

    def children(self, prompts: str) -> str:
        return self.batch(prompts)

    def leaf(self, text: str) -> str:
        return self.reply(f"FINAL({text!r})")


class Minrlm(Driven):
    """`minrlm`, without Docker: cells run in its own process."""

    name = "minrlm"
    context = "input_0"
    look = "search(input_0, 'error')[:1]"  # it takes no answer before a search
    without = "sub-calls are plain calls"

    def final(self, value: str) -> str:
        return f"FINAL(str({value}))"

    def batch(self, prompts: str) -> str:
        return f"sub_llm_batch([(prompt, '') for prompt in {prompts}])"
