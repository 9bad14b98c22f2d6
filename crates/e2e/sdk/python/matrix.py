"""The official Python clients, each in its own shape, answered by every wire format.

Prints a line for each check: client, shape, upstream, check, and `ok` or `refused`. Anything else ends the
run. `refused` is a 400 that names what the upstream cannot do.
"""

import base64
import json
import os

import anthropic
import openai

BASE = os.environ["PROMPTGATE_BASE"]
TOKEN = os.environ["PROMPTGATE_TOKEN"]
UPSTREAMS = os.environ["PROMPTGATE_UPSTREAMS"].split(",")

# Not every model of every vendor sees.
VISION = {"cohere-chat": "command-a-vision-07-2025"}
CITY = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
ZONE = {"type": "object", "properties": {"zone": {"type": "string"}, "note": {"type": "string"}}, "required": ["zone"]}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
CALLS = [("get_weather", {"city": "Paris", "days": 3}), ("get_time", {"zone": 'Europe/"Paris"', "note": "a\\b é 😀"})]
RESULTS = ["sunny", "noon"]
PICTURE = base64.b64encode(b"\x89PNG, more or less").decode()
SEEN = f"Image: image/png of {len(PICTURE)} characters"

chat = openai.OpenAI(base_url=f"{BASE}/v1", api_key=TOKEN, max_retries=0)
claude = anthropic.Anthropic(base_url=BASE, api_key=TOKEN, max_retries=0)


def user(text):
    return [{"role": "user", "content": text}]


def raises(expected, call):
    try:
        call()
    except Exception as error:  # whatever it is, it is judged here
        assert type(error) is expected, f"{type(error).__name__} instead of {expected.__name__}: {error}"
        return error
    raise AssertionError(f"no {expected.__name__}")


class Chat:
    """Chat Completions."""

    name = "chat_completions"
    busy, wrong = openai.RateLimitError, openai.BadRequestError
    tools = [
        {"type": "function", "function": {"name": name, "description": "Looks it up.", "parameters": schema}}
        for name, schema in [("get_weather", CITY), ("get_time", ZONE)]
    ]

    def ask(self, model, messages, stream=False, **more):
        if not stream:
            return chat.chat.completions.create(model=model, messages=messages, **more)
        options = {"include_usage": True}
        with chat.chat.completions.stream(model=model, messages=messages, stream_options=options, **more) as events:
            for _ in events:
                pass
            return events.get_final_completion()

    def system(self, text, words):
        return {"messages": [{"role": "system", "content": text}] + user(words)}

    def text(self, answer):
        assert answer.choices[0].finish_reason == "stop", answer
        return answer.choices[0].message.content

    def calls(self, answer):
        assert answer.choices[0].finish_reason == "tool_calls", answer
        return [(call.function.name, json.loads(call.function.arguments)) for call in answer.choices[0].message.tool_calls]

    def follow_up(self, answer):
        calls = answer.choices[0].message.tool_calls
        asked = [{"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}} for c in calls]
        results = [{"role": "tool", "tool_call_id": c.id, "content": r} for c, r in zip(calls, RESULTS)]
        return user("Weather and time?") + [{"role": "assistant", "content": None, "tool_calls": asked}] + results

    def picture(self):
        url = {"url": f"data:image/png;base64,{PICTURE}", "detail": "low"}
        return user([{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": url}])

    def structured(self, model):
        schema = {"name": "person", "schema": PERSON, "strict": True}
        return self.text(self.ask(model, user("Who?"), response_format={"type": "json_schema", "json_schema": schema}))

    def named(self):
        return {"tool_choice": {"type": "function", "function": {"name": "get_time"}}}

    def usage(self, answer):
        usage = answer.usage
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
        return usage.prompt_tokens, usage.completion_tokens


class Responses(Chat):
    """Responses."""

    name = "responses"
    tools = [
        {"type": "function", "name": name, "description": "Looks it up.", "parameters": schema, "strict": False}
        for name, schema in [("get_weather", CITY), ("get_time", ZONE)]
    ]

    def ask(self, model, messages, stream=False, **more):
        if not stream:
            return chat.responses.create(model=model, input=messages, **more)
        with chat.responses.stream(model=model, input=messages, **more) as events:
            for _ in events:
                pass
            return events.get_final_response()

    def system(self, text, words):
        return {"messages": user(words), "instructions": text}

    def text(self, answer):
        assert answer.status == "completed", answer
        return answer.output_text

    def calls(self, answer):
        assert answer.status == "completed", answer
        return [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]

    def follow_up(self, answer):
        calls = [item for item in answer.output if item.type == "function_call"]
        asked = [{"type": "function_call", "call_id": c.call_id, "name": c.name, "arguments": c.arguments} for c in calls]
        results = [{"type": "function_call_output", "call_id": c.call_id, "output": r} for c, r in zip(calls, RESULTS)]
        return user("Weather and time?") + asked + results

    def picture(self):
        image = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "low"}
        return user([{"type": "input_text", "text": "What is it?"}, image])

    def structured(self, model):
        text = {"format": {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}}
        return self.text(self.ask(model, user("Who?"), text=text))

    def named(self):
        return {"tool_choice": {"type": "function", "name": "get_time"}}

    def usage(self, answer):
        usage = answer.usage
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
        return usage.input_tokens, usage.output_tokens


class Messages:
    """Anthropic messages."""

    name = "messages"
    busy, wrong = anthropic.RateLimitError, anthropic.BadRequestError
    tools = [
        {"name": name, "description": "Looks it up.", "input_schema": schema}
        for name, schema in [("get_weather", CITY), ("get_time", ZONE)]
    ]

    def ask(self, model, messages, stream=False, **more):
        if not stream:
            return claude.messages.create(model=model, max_tokens=500, messages=messages, **more)
        with claude.messages.stream(model=model, max_tokens=500, messages=messages, **more) as events:
            for _ in events:
                pass
            return events.get_final_message()

    def system(self, text, words):
        return {"messages": user(words), "system": text}

    def text(self, answer):
        assert answer.stop_reason == "end_turn", answer
        return "".join(block.text for block in answer.content if block.type == "text")

    def calls(self, answer):
        assert answer.stop_reason == "tool_use", answer
        return [(block.name, block.input) for block in answer.content if block.type == "tool_use"]

    def follow_up(self, answer):
        calls = [block for block in answer.content if block.type == "tool_use"]
        asked = [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.input} for c in calls]
        results = [{"type": "tool_result", "tool_use_id": c.id, "content": r} for c, r in zip(calls, RESULTS)]
        return user("Weather and time?") + [{"role": "assistant", "content": asked}, {"role": "user", "content": results}]

    def picture(self):
        source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
        return user([{"type": "text", "text": "What is it?"}, {"type": "image", "source": source}])

    def structured(self, model):
        config = {"output_config": {"format": {"type": "json_schema", "schema": PERSON}}}
        return self.text(self.ask(model, user("Who?"), extra_body=config))

    def named(self):
        return {"tool_choice": {"type": "tool", "name": "get_time"}}

    def usage(self, answer):
        usage = answer.usage
        return usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens


def told(shape, upstream, check, result="ok"):
    print(f"python\t{shape.name}\t{upstream}\t{check}\t{result}", flush=True)


def attempt(shape, upstream, check, call):
    """Makes a check; a 400 that says what the upstream cannot do is an answer, too."""
    try:
        call()
    except (openai.BadRequestError, anthropic.BadRequestError) as error:
        assert "unsupported_by_provider" in json.dumps(error.body), error
        return told(shape, upstream, check, "refused")
    except Exception:
        print(f"failed: {shape.name} answered by {upstream}: {check}", flush=True)
        raise
    told(shape, upstream, check)


def equal(one, other):
    assert one == other, f"{one!r} is not {other!r}"


def pair(shape, upstream):
    model = f"{upstream}:m-1"
    greeting = f"Hello from {upstream.replace('-', '_')}"

    def text(stream):
        answer = shape.ask(model, user("Say hi"), stream)
        equal(shape.text(answer), f"{greeting}: Say hi")
        equal(shape.usage(answer), (14, 7))
        brief = shape.system("Be brief", "Say hi")
        equal(shape.text(shape.ask(model, brief.pop("messages"), stream, **brief)), f"{greeting} (Be brief): Say hi")

    def tools(stream):
        first = shape.ask(model, user("Weather and time?"), stream, tools=shape.tools)
        equal(shape.calls(first), CALLS)
        second = shape.ask(model, shape.follow_up(first), stream, tools=shape.tools)
        equal(shape.text(second), "Results: sunny, noon")

    def named():
        for stream in [False, True]:
            answer = shape.ask(model, user("Time?"), stream, tools=shape.tools, **shape.named())
            equal(shape.calls(answer), CALLS[1:])

    def vision():
        equal(shape.text(shape.ask(f"{upstream}:{VISION.get(upstream, 'm-1')}", shape.picture())), SEEN)

    def errors():
        error = raises(shape.wrong, lambda: shape.ask(model, user("[wrong]")))
        assert "this cannot be answered" in str(error), error
        raises(shape.wrong, lambda: shape.ask(model, user("[wrong]"), True))
        error = raises(shape.busy, lambda: shape.ask(f"{upstream}-busy-{shape.name.replace('_', '-')}-python:m-1", user("[busy]")))
        equal(error.response.headers["retry-after"], "7")

    attempt(shape, upstream, "text", lambda: text(False))
    attempt(shape, upstream, "stream", lambda: text(True))
    attempt(shape, upstream, "parallel tools", lambda: tools(False))
    attempt(shape, upstream, "parallel tools, streamed", lambda: tools(True))
    attempt(shape, upstream, "tool by name", named)
    attempt(shape, upstream, "vision", vision)
    attempt(shape, upstream, "structured output", lambda: equal(json.loads(shape.structured(model)), {"name": "Ada", "age": 36}))
    attempt(shape, upstream, "errors", errors)


def embeddings(upstream):
    model = f"{upstream}:m-1"
    for given in ["one", ["one", "three"]]:
        floats = chat.embeddings.create(model=model, input=given, encoding_format="float")
        packed = chat.embeddings.create(model=model, input=given)
        equal([item.embedding for item in floats.data], [item.embedding for item in packed.data])
        equal(floats.data[0].embedding, [3 / 64, 0.5, -0.25, 0.125])
        equal(floats.usage.prompt_tokens, 5)


for each in [Chat(), Responses(), Messages()]:
    for name in UPSTREAMS:
        pair(each, name)
for name in UPSTREAMS:
    counted = lambda: claude.messages.count_tokens(model=f"{name}:m-1", messages=user("Say hi"))
    attempt(Messages(), name, "token counting", lambda: equal(counted().input_tokens > 0, True))


class Embeddings:
    name = "embeddings"


attempt(Embeddings, "chat-completions", "embeddings", lambda: embeddings("chat-completions"))
attempt(Embeddings, "cohere-chat", "embeddings", lambda: embeddings("cohere-chat"))
print("every check passed")
