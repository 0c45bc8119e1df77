// An operation, tried out on this server: a field for each parameter, made of /openapi.json, and what came back.

import { copyButton, element } from "/assets/docs.js";
import { ask } from "/assets/key.js";

const MAX_SHOWN = 20_000; // characters of an answer
let description = null;

export async function toggle(section, button) {
  const open = section.querySelector("form.trial");
  if (open) {
    open.remove();
    button.ariaExpanded = false;
    return;
  }
  description ??= fetch("/openapi.json").then((response) => response.json());
  const { method, path } = section.dataset;
  let operation;
  try {
    operation = (await description).paths[path][method];
  } catch {
    description = null;
    button.title = "The server does not answer.";
    return;
  }
  const form = trial(method, path, operation);
  section.querySelector(".example").after(form);
  button.ariaExpanded = true;
  form.querySelector("input, textarea, button").focus();
}

function trial(method, path, operation) {
  const fields = operation.parameters.map((parameter) => [parameter, element("input", {
    name: parameter.name,
    value: parameter.example === undefined ? "" : String(parameter.example),
    required: parameter.required,
    spellcheck: false,
    autocomplete: "off",
  })]);
  const content = operation.requestBody?.content["application/json"];
  const body = content && element("textarea", {
    name: "body",
    rows: 6,
    spellcheck: false,
    value: JSON.stringify(content.example, (_, value) => value ?? undefined, 2),
  });
  const send = element("button", { textContent: `Send ${method.toUpperCase()}`, className: method });
  const result = element("output");
  const form = element("form", { className: "trial" },
    ...fields.map(([{ name }, input]) => element("label", {}, element("span", { textContent: name }), input)),
    ...(body ? [element("label", {}, element("span", { textContent: "body" }), body)] : []),
    send, result);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let target = path;
    const query = new URLSearchParams();
    for (const [parameter, input] of fields) {
      if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(parameter.name, input.value);
    }
    if (query.size) target += `?${query}`;
    const options = { method: method.toUpperCase() };
    if (body) Object.assign(options, { body: body.value, headers: { "Content-Type": "application/json" } });
    send.disabled = true;
    try {
      await show(result, target, options);
    } catch (error) {
      result.replaceChildren(element("p", { textContent: `No answer: ${error.message}.` }));
    }
    send.disabled = false;
  });
  return form;
}

async function show(result, target, options) {
  const started = performance.now();
  const response = await ask(target, options);
  const type = response.headers.get("Content-Type") ?? "";
  const text = type.startsWith("text/event-stream") ? await beginning(response) : await response.text();
  const pre = element("pre", { tabIndex: 0 }, element("code", { textContent: shown(text, type) }));
  const head = element("figcaption", {},
    element("b", { textContent: `${response.status} ${response.statusText}`, className: response.ok ? "good" : "bad" }),
    ` ${type.split(";")[0]} ${Math.round(performance.now() - started)} ms`);
  if (text) head.append(copyButton(() => pre.textContent));
  result.replaceChildren(element("figure", { className: "answer" }, head, ...(text ? [pre] : [])));
}

function shown(text, type) {
  const whole = type.startsWith("application/json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
  return whole.length > MAX_SHOWN ? `${whole.slice(0, MAX_SHOWN)}\n… ${whole.length - MAX_SHOWN} more characters` : whole;
}

/** The first piece of a stream that does not end. */
async function beginning(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  reader.cancel();
  return value;
}
