"""Every exception that litellm can raise becomes one of ours, by class, status and text."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest

from rlm_cli.errors import (
    AuthError,
    BadReply,
    BadRequest,
    CallTimedOut,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    RateLimited,
    Refused,
    RlmError,
    ServerFailed,
    Unreachable,
)
from rlm_cli.models import hosted
from rlm_cli.models.litellm_errors import translate
from tests.calls import KEY, QUIET, run

pytestmark = QUIET
REQUEST = httpx.Request("POST", "http://provider.invalid/v1")

# Every class of litellm.exceptions that is an exception → ours, when its message says nothing in particular.
CLASSES: dict[str, type[RlmError]] = {
    "APIConnectionError": Unreachable,
    "APIError": ServerFailed,
    "APIResponseValidationError": BadReply,
    "AuthenticationError": AuthError,
    "BadGatewayError": ServerFailed,
    "BadRequestError": BadRequest,
    "BlockedPiiEntityError": Refused,
    "BudgetExceededError": BadRequest,
    "ContentPolicyViolationError": Refused,
    "ContextWindowExceededError": ContextTooLong,
    "GuardrailRaisedException": Refused,
    "ImageFetchError": BadRequest,
    "InternalServerError": ServerFailed,
    "InvalidRequestError": BadRequest,
    "JSONSchemaValidationError": BadReply,
    "LiteLLMUnknownProvider": ModelNotFound,
    "MidStreamFallbackError": Unreachable,
    "MockException": ServerFailed,
    "ModelNotMappedError": ModelNotFound,
    "ModifyResponseException": Refused,
    "NotFoundError": ModelNotFound,
    "OpenAIError": ServerFailed,
    "PaymentRequiredError": BadRequest,
    "PermissionDeniedError": AuthError,
    "RateLimitError": RateLimited,
    "RejectedRequestError": Refused,
    "SensitiveDataRouteException": Refused,
    "ServiceUnavailableError": ServerFailed,
    "Timeout": CallTimedOut,
    "UnprocessableEntityError": BadRequest,
    "UnsupportedParamsError": BadRequest,
    "VectorStoreSearchError": BadRequest,
}
_VALUES: dict[str, Any] = {
    "status_code": 500,
    "message": "something happened",
    "llm_provider": "openai",
    "model": "m",
    "response": None,
    "request": REQUEST,
    "request_data": {},
    "raw_response": "{",
    "schema": "{}",
    "entity_type": "EMAIL",
    "current_cost": 2.0,
    "max_budget": 1.0,
    "route_to_model": "n",
    "failures": [],
    "session_id": "s",
}


def exceptions() -> dict[str, type[BaseException]]:
    import litellm.exceptions

    run(hosted._litellm())
    found = inspect.getmembers(litellm.exceptions, inspect.isclass)
    return {
        name: cls for name, cls in found if cls.__module__ == "litellm.exceptions" and issubclass(cls, BaseException)
    }


def build(cls: type[BaseException], **given: Any) -> BaseException:
    """An instance, its required arguments filled in by name."""
    wanted = inspect.signature(cls.__init__).parameters
    values = {}
    for name, parameter in wanted.items():
        if name in given:
            values[name] = given[name]
        elif name == "response" and parameter.default is inspect.Parameter.empty:
            values[name] = httpx.Response(int(given.get("status", 400)), request=REQUEST)
        elif name in _VALUES and name not in ("request", "response"):
            values[name] = _VALUES[name]
    return cls(**values) if "args" not in wanted else cls("something happened")


def test_the_table_names_every_class() -> None:
    """A litellm with a new class fails here, and its meaning is decided by a person."""
    assert set(exceptions()) - {"RateLimitErrorCategory", "RateLimitType"} == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_becomes_ours(name: str) -> None:
    error = build(exceptions()[name])
    made = translate(error, model="openai/m", secrets=[KEY], key="OPENAI_API_KEY")
    assert type(made) is CLASSES[name]
    assert made.message.startswith("openai/m: ")
    assert "litellm.exceptions" not in made.message


# What litellm really raises, and what it means.
REAL: list[tuple[str, int, str, type[RlmError], bool]] = [
    # Without a word on what broke, half a reply may have come.
    ("InternalServerError", 500, "InternalServerError: OpenAIException - Connection error.", Unreachable, True),
    (
        "InternalServerError",
        500,
        "AnthropicException - Cannot connect to host api.anthropic.com:443 ssl:default [Connect call failed]",
        Unreachable,
        False,
    ),
    (
        "InternalServerError",
        500,
        "OpenAIException - The api_key client option must be set either by passing api_key to the client",
        AuthError,
        False,
    ),
    ("AuthenticationError", 401, "Missing Anthropic API Key - A call is being made to anthropic", AuthError, False),
    ("APIError", 403, "OpenrouterException - Key limit exceeded", AuthError, False),
    ("APIError", 402, "OpenrouterException - Insufficient credits", BadRequest, False),
    ("APIError", 529, "AnthropicException - Overloaded", ServerFailed, False),
    ("APIError", 413, "AnthropicException - request too large", ContextTooLong, False),
    (
        "RateLimitError",
        429,
        "AnthropicException - prompt is too long: 210000 tokens > 200000 maximum",
        ContextTooLong,
        False,
    ),
    (
        "RateLimitError",
        429,
        "OpenAIException - Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.",
        RateLimited,
        False,
    ),
    ("RateLimitError", 429, "OpenAIException - You exceeded your current quota, check your billing", BadRequest, False),
    (
        "BadRequestError",
        400,
        "OpenAIException - This model's maximum context length is 8192 tokens.",
        ContextTooLong,
        False,
    ),
    ("BadRequestError", 400, "GeminiException - API key not valid. Please pass a valid API key.", AuthError, False),
    ("BadRequestError", 400, "AzureException - The response was filtered: content management policy", Refused, False),
    (
        "BadRequestError",
        400,
        "GroqException - The model `x` does not exist or you do not have access",
        ModelNotFound,
        False,
    ),
    (
        "BadRequestError",
        400,
        "LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model=foo",
        ModelNotFound,
        False,
    ),
    ("MidStreamFallbackError", 503, "APIConnectionError: OpenAIException - peer closed connection", Unreachable, True),
    ("Timeout", 408, "Request timed out.", CallTimedOut, True),
    ("InternalServerError", 500, "OpenAIException - Expecting value: line 1 column 1 (char 0)", BadReply, True),
    ("ServiceUnavailableError", 503, "VertexAIException - The model is overloaded.", ServerFailed, False),
]


@pytest.mark.parametrize(
    ("name", "status", "text", "becomes", "billed"), REAL, ids=[f"{r[0]}-{r[3].__name__}" for r in REAL]
)
def test_what_litellm_really_raises(name: str, status: int, text: str, becomes: type[RlmError], billed: bool) -> None:
    error = build(exceptions()[name], message=text, status_code=status, status=status)
    made = translate(error, model="x/m")
    assert type(made) is becomes, made
    assert getattr(made, "maybe_billed", False) is billed


def test_the_wait_is_read_from_the_header_or_the_text() -> None:
    cls = exceptions()["RateLimitError"]
    answer = httpx.Response(429, headers={"Retry-After": "7"}, request=REQUEST)
    error = translate(build(cls, response=answer), model="m")
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7
    error = translate(build(cls, message="Rate limit reached. Please try again in 1m2.5s."), model="m")
    assert isinstance(error, RateLimited)
    assert error.retry_after == 62.5


def test_foreign_exceptions_are_ours_too() -> None:
    for foreign in (ValueError("x"), KeyError("y"), ConnectionResetError("z"), RuntimeError("w"), httpx.ReadError("v")):
        assert isinstance(translate(foreign, model="m"), ProviderError)


def test_a_key_in_the_words_of_a_provider_is_taken_out() -> None:
    error = build(exceptions()["AuthenticationError"], message=f"bad key {KEY} and Bearer abcdefghijkl")
    made = translate(error, model="m", secrets=[KEY])
    assert KEY not in made.message
    assert "abcdefghijkl" not in made.message


def test_a_name_that_nobody_knows_is_one_sentence_with_the_near_names() -> None:
    litellm = run(hosted._litellm())
    raised = litellm.exceptions.BadRequestError(
        "LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model=anthropc/claude-"
        "sonnet-4-5 Pass model as E.g. For 'Huggingface' inference endpoints pass in `completion(model='huggingface/",
        model="x",
        llm_provider="",
    )
    error = translate(raised, model="anthropc/claude-sonnet-4-5")
    assert isinstance(error, ModelNotFound)
    assert error.message == "anthropc/claude-sonnet-4-5: no provider is known for this name"
    assert "Did you mean anthropic/claude-sonnet-4-5" in error.hint
    assert "rlm models" in translate(raised, model="foo/bar").hint


def test_addresses_of_objects_and_advice_on_litellm_are_no_part_of_a_sentence() -> None:
    litellm = run(hosted._litellm())
    said = "Cannot connect to host api.x.com:443 ssl:<ssl.SSLContext object at 0x7f71> [Name or service not known]. Handle with `litellm.InternalServerError`."
    error = translate(litellm.exceptions.InternalServerError(said, llm_provider="x", model="m"), model="x/m")
    assert error.message == "x/m: cannot connect: Cannot connect to host api.x.com:443 [Name or service not known]."
