"""The official Python clients against a running gateway: only base URL, token and model differ."""

import os

import anthropic
import openai

BASE = os.environ["PROMPTGATE_BASE"]
TOKEN = os.environ["PROMPTGATE_TOKEN"]
WRONG_TOKEN = "pg_live_" + "0" * 49
HELLO = [{"role": "user", "content": "Hello"}]


def raises(expected, call):
    """Makes a call that must fail with exactly this class, and returns the exception."""
    try:
        call()
    except Exception as error:  # whatever it is, it is judged here
        assert type(error) is expected, f"{type(error).__name__} instead of {expected.__name__}: {error}"
        return error
    raise AssertionError(f"no {expected.__name__}")


def check_openai():
    client = openai.OpenAI(base_url=f"{BASE}/v1", api_key=TOKEN, max_retries=0)

    chat = client.chat.completions.create(model="echo:echo", messages=HELLO)
    assert chat.object == "chat.completion" and chat.choices[0].finish_reason == "stop"
    assert "Hello" in chat.choices[0].message.content
    assert chat.usage.total_tokens == chat.usage.prompt_tokens + chat.usage.completion_tokens > 0

    chunks = list(client.chat.completions.create(model="echo:echo", messages=HELLO, stream=True))
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == chat.choices[0].message.content
    assert all(chunk.usage is None for chunk in chunks), "usage that was not asked for"

    asked = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="echo:echo", messages=HELLO, stream=True, stream_options=asked))
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0

    # The client asks for base64 and decodes it, unless told otherwise.
    vectors = client.embeddings.create(model="echo:echo", input=["one", "two"], dimensions=16)
    assert [len(item.embedding) for item in vectors.data] == [16, 16]
    floats = client.embeddings.create(model="echo:echo", input="one", dimensions=16, encoding_format="float")
    assert all(abs(a - b) < 1e-6 for a, b in zip(floats.data[0].embedding, vectors.data[0].embedding))
    assert vectors.data[0].embedding != vectors.data[1].embedding

    assert any("echo" in model.id for model in client.models.list())

    wrong = openai.OpenAI(base_url=f"{BASE}/v1", api_key=WRONG_TOKEN, max_retries=0)
    error = raises(openai.AuthenticationError, lambda: wrong.chat.completions.create(model="echo:echo", messages=HELLO))
    assert error.status_code == 401 and error.body["message"] and error.request_id
    error = raises(openai.NotFoundError, lambda: client.chat.completions.create(model="no-such-model", messages=HELLO))
    assert "no-such-model" in error.message and error.code
    raises(openai.BadRequestError, lambda: client.chat.completions.create(model="echo:echo", messages="Hello"))
    raises(openai.BadRequestError, lambda: client.post("/chat/completions", cast_to=object, body=["no", "object"]))
    error = raises(openai.RateLimitError, lambda: client.chat.completions.create(model="busy:m", messages=HELLO))
    assert error.response.headers["retry-after"] == "7"


def check_anthropic():
    client = anthropic.Anthropic(base_url=BASE, api_key=TOKEN, max_retries=0)
    asked = {"model": "echo:echo", "max_tokens": 64, "messages": HELLO}

    message = client.messages.create(**asked)
    assert message.type == "message" and message.stop_reason == "end_turn"
    assert "Hello" in message.content[0].text
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0

    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == message.content[0].text == final.content[0].text
    assert final.usage.output_tokens == message.usage.output_tokens

    assert any("echo" in model.id for model in client.models.list())

    bearer = anthropic.Anthropic(base_url=BASE, auth_token=TOKEN, max_retries=0)
    assert bearer.messages.create(**asked).content[0].text == message.content[0].text

    wrong = anthropic.Anthropic(base_url=BASE, api_key=WRONG_TOKEN, max_retries=0)
    error = raises(anthropic.AuthenticationError, lambda: wrong.messages.create(**asked))
    assert error.status_code == 401 and error.body["error"]["type"] == "authentication_error"
    error = raises(anthropic.NotFoundError, lambda: client.messages.create(**{**asked, "model": "no-such-model"}))
    assert error.body["error"]["type"] == "not_found_error"
    raises(anthropic.BadRequestError, lambda: client.messages.create(**{**asked, "messages": "Hello"}))
    raises(anthropic.BadRequestError, lambda: client.post("/v1/messages", cast_to=object, body=["no", "object"]))
    error = raises(anthropic.RateLimitError, lambda: client.messages.create(**{**asked, "model": "busy-claude:m"}))
    assert error.response.headers["retry-after"] == "7"


check_openai()
check_anthropic()
print("every check passed")
