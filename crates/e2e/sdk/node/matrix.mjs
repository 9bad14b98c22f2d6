// The official Node clients, each in its own shape, answered by every wire format.
//
// Prints a line for each check: client, shape, upstream, check, and `ok` or `refused`. Anything else ends
// the run. `refused` is a 400 that names what the upstream cannot do.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const base = process.env.PROMPTGATE_BASE;
const apiKey = process.env.PROMPTGATE_TOKEN;
const upstreams = process.env.PROMPTGATE_UPSTREAMS.split(",");

// Not every model of every vendor sees.
const vision = { "cohere-chat": "command-a-vision-07-2025" };
const city = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city"] };
const zone = { type: "object", properties: { zone: { type: "string" }, note: { type: "string" } }, required: ["zone"] };
const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const calls = [
  ["get_weather", { city: "Paris", days: 3 }],
  ["get_time", { zone: 'Europe/"Paris"', note: "a\\b é 😀" }],
];
const results = ["sunny", "noon"];
const picture = Buffer.from("\x89PNG, more or less", "latin1").toString("base64");
const seen = `Image: image/png of ${picture.length} characters`;

const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0 });
const claude = new Anthropic({ baseURL: base, apiKey, maxRetries: 0 });
const user = (content) => [{ role: "user", content }];

async function raises(expected, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.constructor, expected, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  assert.fail(`no ${expected.name}`);
}

const chat = {
  name: "chat_completions",
  errors: OpenAI,
  tools: [["get_weather", city], ["get_time", zone]].map(([name, parameters]) => ({
    type: "function",
    function: { name, description: "Looks it up.", parameters },
  })),
  ask: (model, messages, stream, more = {}) =>
    stream
      ? openai.chat.completions.stream({ model, messages, stream_options: { include_usage: true }, ...more }).finalChatCompletion()
      : openai.chat.completions.create({ model, messages, ...more }),
  system: (content, words) => ({ messages: [{ role: "system", content }, ...user(words)] }),
  text(answer) {
    assert.equal(answer.choices[0].finish_reason, "stop");
    return answer.choices[0].message.content;
  },
  calls(answer) {
    assert.equal(answer.choices[0].finish_reason, "tool_calls");
    return answer.choices[0].message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
  },
  followUp(answer) {
    const asked = answer.choices[0].message.tool_calls.map(({ id, function: { name, arguments: text } }) => ({
      id,
      type: "function",
      function: { name, arguments: text },
    }));
    const told = asked.map(({ id }, index) => ({ role: "tool", tool_call_id: id, content: results[index] }));
    return [...user("Weather and time?"), { role: "assistant", content: null, tool_calls: asked }, ...told];
  },
  picture: () =>
    user([
      { type: "text", text: "What is it?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${picture}`, detail: "low" } },
    ]),
  structured: { response_format: { type: "json_schema", json_schema: { name: "person", schema: person, strict: true } } },
  named: { tool_choice: { type: "function", function: { name: "get_time" } } },
  usage: ({ usage }) => [usage.prompt_tokens, usage.completion_tokens],
};

const responses = {
  name: "responses",
  errors: OpenAI,
  tools: [["get_weather", city], ["get_time", zone]].map(([name, parameters]) => ({
    type: "function",
    name,
    description: "Looks it up.",
    parameters,
    strict: false,
  })),
  ask: (model, input, stream, more = {}) =>
    stream ? openai.responses.stream({ model, input, ...more }).finalResponse() : openai.responses.create({ model, input, ...more }),
  system: (instructions, words) => ({ messages: user(words), instructions }),
  text(answer) {
    assert.equal(answer.status, "completed");
    return answer.output_text;
  },
  calls: (answer) =>
    answer.output.filter(({ type }) => type === "function_call").map((item) => [item.name, JSON.parse(item.arguments)]),
  followUp(answer) {
    const asked = answer.output
      .filter(({ type }) => type === "function_call")
      .map(({ call_id, name, arguments: text }) => ({ type: "function_call", call_id, name, arguments: text }));
    const told = asked.map(({ call_id }, index) => ({ type: "function_call_output", call_id, output: results[index] }));
    return [...user("Weather and time?"), ...asked, ...told];
  },
  picture: () =>
    user([
      { type: "input_text", text: "What is it?" },
      { type: "input_image", image_url: `data:image/png;base64,${picture}`, detail: "low" },
    ]),
  structured: { text: { format: { type: "json_schema", name: "person", schema: person, strict: true } } },
  named: { tool_choice: { type: "function", name: "get_time" } },
  usage: ({ usage }) => [usage.input_tokens, usage.output_tokens],
};

const messages = {
  name: "messages",
  errors: Anthropic,
  tools: [["get_weather", city], ["get_time", zone]].map(([name, input_schema]) => ({
    name,
    description: "Looks it up.",
    input_schema,
  })),
  ask(model, asked, stream, more = {}) {
    const request = { model, max_tokens: 500, messages: asked, ...more };
    return stream ? claude.messages.stream(request).finalMessage() : claude.messages.create(request);
  },
  system: (system, words) => ({ messages: user(words), system }),
  text(answer) {
    assert.equal(answer.stop_reason, "end_turn");
    return answer.content.filter(({ type }) => type === "text").map(({ text }) => text).join("");
  },
  calls(answer) {
    assert.equal(answer.stop_reason, "tool_use");
    return answer.content.filter(({ type }) => type === "tool_use").map(({ name, input }) => [name, input]);
  },
  followUp(answer) {
    const asked = answer.content
      .filter(({ type }) => type === "tool_use")
      .map(({ id, name, input }) => ({ type: "tool_use", id, name, input }));
    const told = asked.map(({ id }, index) => ({ type: "tool_result", tool_use_id: id, content: results[index] }));
    return [...user("Weather and time?"), { role: "assistant", content: asked }, { role: "user", content: told }];
  },
  picture: () =>
    user([
      { type: "text", text: "What is it?" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: picture } },
    ]),
  structured: { output_config: { format: { type: "json_schema", schema: person } } },
  named: { tool_choice: { type: "tool", name: "get_time" } },
  usage: ({ usage }) => [usage.input_tokens + (usage.cache_read_input_tokens ?? 0), usage.output_tokens],
};

const told = (shape, upstream, check, result = "ok") => console.log(["node", shape, upstream, check, result].join("\t"));

// Makes a check; a 400 that says what the upstream cannot do is an answer, too.
async function attempt(shape, upstream, check, call) {
  try {
    await call();
  } catch (error) {
    if (error instanceof OpenAI.BadRequestError || error instanceof Anthropic.BadRequestError) {
      if (JSON.stringify(error.error ?? {}).includes("unsupported_by_provider")) return told(shape, upstream, check, "refused");
    }
    console.log(`failed: ${shape} answered by ${upstream}: ${check}`);
    throw error;
  }
  told(shape, upstream, check);
}

async function pair(shape, upstream) {
  const model = `${upstream}:m-1`;
  const greeting = `Hello from ${upstream.replaceAll("-", "_")}`;
  const check = (name, call) => attempt(shape.name, upstream, name, call);

  const text = async (stream) => {
    const answer = await shape.ask(model, user("Say hi"), stream);
    assert.equal(shape.text(answer), `${greeting}: Say hi`);
    assert.deepEqual(shape.usage(answer), [14, 7]);
    const { messages: asked, ...more } = shape.system("Be brief", "Say hi");
    assert.equal(shape.text(await shape.ask(model, asked, stream, more)), `${greeting} (Be brief): Say hi`);
  };
  const tools = async (stream) => {
    const first = await shape.ask(model, user("Weather and time?"), stream, { tools: shape.tools });
    assert.deepEqual(shape.calls(first), calls);
    const second = await shape.ask(model, shape.followUp(first), stream, { tools: shape.tools });
    assert.equal(shape.text(second), "Results: sunny, noon");
  };
  const named = async () => {
    for (const stream of [false, true]) {
      const answer = await shape.ask(model, user("Time?"), stream, { tools: shape.tools, ...shape.named });
      assert.deepEqual(shape.calls(answer), calls.slice(1));
    }
  };
  const sees = async () => {
    const answer = await shape.ask(`${upstream}:${vision[upstream] ?? "m-1"}`, shape.picture());
    assert.equal(shape.text(answer), seen);
  };
  const structured = async () => {
    const answer = await shape.ask(model, user("Who?"), false, shape.structured);
    assert.deepEqual(JSON.parse(shape.text(answer)), { name: "Ada", age: 36 });
  };
  const errors = async () => {
    const wrong = await raises(shape.errors.BadRequestError, () => shape.ask(model, user("[wrong]")));
    assert.match(wrong.message, /this cannot be answered/);
    await raises(shape.errors.BadRequestError, () => shape.ask(model, user("[wrong]"), true));
    const slow = `${upstream}-busy-${shape.name.replaceAll("_", "-")}-node:m-1`;
    const busy = await raises(shape.errors.RateLimitError, () => shape.ask(slow, user("[busy]")));
    assert.equal(busy.headers.get("retry-after"), "7");
  };

  await check("text", () => text(false));
  await check("stream", () => text(true));
  await check("parallel tools", () => tools(false));
  await check("parallel tools, streamed", () => tools(true));
  await check("tool by name", named);
  await check("vision", sees);
  await check("structured output", structured);
  await check("errors", errors);
}

async function embeddings(upstream) {
  for (const input of ["one", ["one", "three"]]) {
    const model = `${upstream}:m-1`;
    const floats = await openai.embeddings.create({ model, input, encoding_format: "float" });
    const packed = await openai.embeddings.create({ model, input });
    assert.deepEqual(floats.data.map(({ embedding }) => embedding), packed.data.map(({ embedding }) => [...embedding]));
    assert.deepEqual(floats.data[0].embedding, [3 / 64, 0.5, -0.25, 0.125]);
    assert.equal(floats.usage.prompt_tokens, 5);
  }
}

for (const shape of [chat, responses, messages]) for (const upstream of upstreams) await pair(shape, upstream);
for (const upstream of upstreams) {
  await attempt("messages", upstream, "token counting", async () => {
    const counted = await claude.messages.countTokens({ model: `${upstream}:m-1`, messages: user("Say hi") });
    assert.ok(counted.input_tokens > 0);
  });
}
for (const upstream of ["chat-completions", "cohere-chat"]) {
  await attempt("embeddings", upstream, "embeddings", () => embeddings(upstream));
}
console.log("every check passed");
