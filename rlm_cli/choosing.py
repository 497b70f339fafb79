"""Which models answer: what the user named, else what a key is there for, else the embedded one."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping

from rlm_cli.errors import AuthError, UsageError
from rlm_cli.keys import KeyRing
from rlm_cli.models import Model
from rlm_cli.models.registry import KEYS, default_models, needs_key, open_model
from rlm_cli.recording import Past
from rlm_cli.resuming import stand_ins
from rlm_cli.settings import Settings

OFFLINE = "offline/extractive"


def choose_models(settings: Settings, past: Past | None) -> tuple[Model, Model, bool]:
    """Root model, sub-model, and whether they are the embedded one for want of any other.

    Opens no connection. Raises AuthError naming the variable where a key is missing, UsageError for a name that cannot
    be meant. In a replay nobody answers: every reply is on record.
    """
    ring = KeyRing(KEYS)
    keys: Mapping[str, str] = ring
    if past is not None and past.strict:
        return *stand_ins(past), False
    name, sub_name, fallback = settings.model, settings.sub_model, False
    if not name:
        name, default_sub = default_models(ring.origins() if settings.dry_run else ring) or (OFFLINE, OFFLINE)
        fallback, sub_name = name == OFFLINE, sub_name or default_sub
    base, window = settings.api_base, settings.context_window
    if fallback and base and settings.origins["api_base"].layer == "flag":
        raise UsageError("--api-base says where, and no -m says which model", "Add -m openai/NAME.")
    if fallback and settings.fail_if and not settings.dry_run:
        # It finds places for nearly any words, so a check would fail for want of a secret, and blame lines for it.
        raise AuthError(
            f"--fail-if {settings.fail_if} asks for a judgement, and no key of a language model is set.",
            "Set a key, such as ANTHROPIC_API_KEY or OPENAI_API_KEY. -m offline/extractive only looks for the words.",
        )
    if settings.dry_run:  # nothing is sent, so no key is needed to say what it would cost, and no key_cmd runs
        given = {variable: "none" for wanted in (name, sub_name) for variable in needs_key(wanted)}
        keys = ChainMap(given, keys)  # type: ignore[arg-type]  # it is only read
    root = open_model(name, environment=keys, base=None if fallback else base, window=window)
    if not sub_name or sub_name == name:
        return root, root, fallback
    return root, open_model(sub_name, environment=keys, base=base, window=window), fallback
