// The API as this page asks it: with the reader's key, and a stream of what happens.

import { key, keyHeaders } from "./key.js";
import { button, h } from "./inbox-dom.js";

export { key };

/** What the server refused, in its words. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The address in a path; "@" stays readable. */
export const place = (text) => encodeURIComponent(text).replaceAll("%40", "@");
export const mailboxPath = (address) => `/api/addresses/${place(address)}`;
export const messagePath = (address, id) => `${mailboxPath(address)}/messages/${id}`;
/** `kind`: raw, dirty, body, text. */
export const bodyPath = (kind, address, id) => `/api/${kind}/${place(address)}/${id}`;

/** A response that is 2xx. Asks for a key where one is needed, and throws Refused otherwise. */
export async function ask(path, { method = "GET", body, signal, keepalive } = {}) {
  for (;;) {
    const used = key.get();
    const headers = keyHeaders();
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      const content = body === undefined ? undefined : JSON.stringify(body);
      response = await fetch(path, { method, headers, body: content, signal, keepalive });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "The server does not answer. It is asked again once it does.");
    }
    if (response.ok) return response;
    if (response.status === 401 && (await needsKey())) {
      if (key.get() === used) await askForKey(Boolean(used));
      continue;
    }
    const said = await response.json().catch(() => ({}));
    throw new Refused(
      response.status,
      [said.message ?? response.statusText, ...(said.validationErrors ?? [])].join(" "),
    );
  }
}

export const get = async (path, options) => (await ask(path, options)).json();
export const put = (path, body, options) => ask(path, { method: "PUT", body, ...options });
export const post = (path, body, options) => ask(path, { method: "POST", body, ...options });
export const remove = (path, options) => ask(path, { method: "DELETE", ...options });

/** Whether it was for want of a key: a 401 may also be about what belongs to somebody else. */
async function needsKey() {
  return (await (await fetch("/api/me", { headers: keyHeaders() })).json()) === null;
}

let asking = null;

/** Ends once the reader has given a key. */
export function askForKey(isWrong) {
  asking ??= new Promise((resolve) => {
    const field = h("input", {
      type: "password",
      id: "key",
      autocomplete: "current-password",
      required: true,
      autofocus: true,
    });
    const dialog = h(
      "dialog",
      { class: "menu", "aria-labelledby": "key-title" },
      h(
        "form",
        {
          method: "dialog",
          on: {
            submit: (event) => {
              event.preventDefault();
              key.set(field.value.trim());
              dialog.close();
              dialog.remove();
              asking = null;
              resolve();
            },
          },
        },
        h("h2", { id: "key-title" }, "An API key is needed"),
        h(
          "p",
          { class: "muted" },
          isWrong ? "That key is not known here. " : "",
          "It is kept until this tab is closed, and sent to this server alone.",
        ),
        h("label", { for: "key" }, "Key"),
        field,
        h("button", { class: "primary" }, "Go on"),
      ),
    );
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

const SILENT_MS = 40_000; // the server says something every 15 s
const MAX_WAIT_S = 15;

/** Events of an address, without a gap: it goes on behind the last one. `on`: message, deleted, refused, opened, state. */
export class Stream {
  #controller = null;
  #last = "";
  #on;
  #address;
  #paused = false;
  #wake = null;

  constructor(address, on) {
    this.#address = address;
    this.#on = on;
    this.#run();
  }

  close() {
    this.#paused = true;
    this.closed = true;
    this.#controller?.abort();
    this.#wake?.();
  }

  /** Let go of the connection; nothing is lost, for resume() goes on behind the last event. */
  pause() {
    this.#paused = true;
    this.#controller?.abort();
  }

  resume() {
    if (!this.#paused || this.closed) return;
    this.#paused = false;
    this.#wake?.();
  }

  async #run() {
    let failures = 0;
    while (!this.closed) {
      const used = key.get();
      try {
        await this.#listen(() => (failures = 0));
      } catch (error) {
        if (error.status === 410) this.#last = ""; // more than can be told: what is there is listed anew
        if (error.status === 401 && (await needsKey())) {
          if (key.get() === used) await askForKey(Boolean(used));
          continue;
        }
        if (error.status === 401 || error.status === 403) return this.#on.state("refused");
      }
      if (this.closed) return;
      if (this.#paused) await this.#until();
      else await this.#countDown(Math.min(++failures, MAX_WAIT_S));
    }
  }

  async #countDown(seconds) {
    for (; seconds > 0 && !this.closed && !this.#paused; seconds--) {
      this.#on.state(navigator.onLine ? "waiting" : "offline", seconds);
      await this.#until(1000);
    }
  }

  #until(ms) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (ms) setTimeout(resolve, ms);
    });
  }

  async #listen(onOpen) {
    this.#controller = new AbortController();
    const headers = { Accept: "text/event-stream", ...keyHeaders() };
    if (this.#last) headers["Last-Event-ID"] = this.#last;
    const path = `/api/stream?addresses=${encodeURIComponent(this.#address)}&events=message,deleted,refused`;
    const response = await fetch(path, { headers, signal: this.#controller.signal, cache: "no-store" });
    if (!response.ok) throw new Refused(response.status, "");
    onOpen();
    this.#on.state("live");
    this.#on.opened();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let silence;
    const listening = () => {
      clearTimeout(silence);
      silence = setTimeout(() => this.#controller.abort(), SILENT_MS);
    };
    let rest = "";
    try {
      for (;;) {
        listening();
        const { done, value } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) this.#take(block);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  #take(block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (fields.id) this.#last = fields.id;
    if (fields.data) this.#on[fields.event]?.(JSON.parse(fields.data));
  }
}
