// The official Node clients against a running gateway: only base URL, token and model differ.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const base = process.env.PROMPTGATE_BASE;
const token = process.env.PROMPTGATE_TOKEN;
const wrongToken = "pg_live_" + "0".repeat(49);
const messages = [{ role: "user", content: "Hello" }];

// Makes a call that must fail with exactly this class, and returns the error.
async function raises(expected, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.constructor, expected, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  assert.fail(`no ${expected.name}`);
}

async function checkOpenAI() {
  const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: token, maxRetries: 0 });

  const chat = await client.chat.completions.create({ model: "echo:echo", messages });
  assert.equal(chat.choices[0].finish_reason, "stop");
  assert.match(chat.choices[0].message.content, /Hello/);
  assert.ok(chat.usage.total_tokens > 0);

  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "echo:echo", messages, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    assert.ok(!chunk.usage, "usage that was not asked for");
  }
  assert.equal(text, chat.choices[0].message.content);

  const vectors = await client.embeddings.create({ model: "echo:echo", input: ["one", "two"], dimensions: 16 });
  assert.deepEqual(vectors.data.map((item) => item.embedding.length), [16, 16]);

  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.some((id) => id.includes("echo")), ids.join());

  const wrong = new OpenAI({ baseURL: `${base}/v1`, apiKey: wrongToken, maxRetries: 0 });
  await raises(OpenAI.AuthenticationError, () => wrong.chat.completions.create({ model: "echo:echo", messages }));
  const unknown = await raises(OpenAI.NotFoundError, () =>
    client.chat.completions.create({ model: "no-such-model", messages }),
  );
  assert.ok(unknown.code && unknown.requestID, JSON.stringify(unknown));
  await raises(OpenAI.BadRequestError, () =>
    client.chat.completions.create({ model: "echo:echo", messages: "Hello" }),
  );
  await raises(OpenAI.BadRequestError, () => client.post("/chat/completions", { body: ["no", "object"] }));
  const busy = await raises(OpenAI.RateLimitError, () =>
    client.chat.completions.create({ model: "busy:m", messages }),
  );
  assert.equal(busy.headers.get("retry-after"), "7");
}

async function checkAnthropic() {
  const client = new Anthropic({ baseURL: base, apiKey: token, maxRetries: 0 });
  const asked = { model: "echo:echo", max_tokens: 64, messages };

  const message = await client.messages.create(asked);
  assert.equal(message.stop_reason, "end_turn");
  assert.match(message.content[0].text, /Hello/);
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);

  let text = "";
  const stream = client.messages.stream(asked).on("text", (part) => (text += part));
  const final = await stream.finalMessage();
  assert.equal(text, message.content[0].text);
  assert.equal(final.content[0].text, text);

  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.some((id) => id.includes("echo")), ids.join());

  const wrong = new Anthropic({ baseURL: base, apiKey: wrongToken, maxRetries: 0 });
  await raises(Anthropic.AuthenticationError, () => wrong.messages.create(asked));
  await raises(Anthropic.NotFoundError, () => client.messages.create({ ...asked, model: "no-such-model" }));
  await raises(Anthropic.BadRequestError, () => client.messages.create({ ...asked, messages: "Hello" }));
  await raises(Anthropic.BadRequestError, () => client.post("/v1/messages", { body: ["no", "object"] }));
  await raises(Anthropic.RateLimitError, () => client.messages.create({ ...asked, model: "busy-claude:m" }));
}

await checkOpenAI();
await checkAnthropic();
console.log("every check passed");
