// What the guides have for trying out: the key of the reader, a web socket, and a webhook.

import { element } from "/assets/docs.js";
import { ask, key } from "/assets/key.js";

const MAX_FRAMES = 200;
const LOG_EVERY_MS = 1000;

function field(label, properties) {
  const input = element("input", { spellcheck: false, autocomplete: "off", ...properties });
  return [element("label", {}, element("span", { textContent: label }), input), input];
}

function keyField() {
  const [label, input] = field("API key", { type: "password", value: key.get(), placeholder: "none" });
  input.addEventListener("input", () => key.set(input.value.trim()));
  return label;
}

const clock = () => new Date().toLocaleTimeString([], { hourCycle: "h23" });

class ReaderKey extends HTMLElement {
  connectedCallback() {
    const form = element("form", {}, keyField());
    form.addEventListener("submit", (event) => event.preventDefault());
    this.append(form);
  }
}

class SocketTester extends HTMLElement {
  #socket = null;

  connectedCallback() {
    const [addresses, input] = field("Addresses and domains", { value: "bob@example.com", required: true });
    this.input = input;
    this.button = element("button", { textContent: "Connect" });
    this.state = element("output", { textContent: "not connected" });
    this.mail = element("button", { type: "button", textContent: "Send a mail there" });
    this.frames = element("ol", { className: "log" });
    const form = element("form", {}, addresses, keyField(), element("p", {}, this.button, this.mail, this.state));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#socket) this.#socket.close();
      else this.#connect();
    });
    this.mail.addEventListener("click", () => this.#send());
    this.append(element("h2", { textContent: "Try it" }), form, this.frames);
  }

  #connect() {
    const query = new URLSearchParams({ addresses: this.input.value });
    if (key.get()) query.set("key", key.get());
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/incoming-messages?${query}`);
    this.#socket = socket;
    this.#show("connecting");
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.status === 200) this.#show("listening");
      this.#log(frame.subject === undefined ? data : `${frame.from[0]?.address ?? ""} → ${frame.inbox}: ${frame.subject}`, frame);
    };
    socket.onclose = ({ code, reason }) => {
      this.#socket = null;
      this.#show(`closed, ${code}${reason && ` ${reason}`}`);
    };
  }

  #show(state) {
    this.state.textContent = state;
    this.button.textContent = this.#socket ? "Disconnect" : "Connect";
  }

  #log(line, frame) {
    const whole = element("pre", { tabIndex: 0, textContent: JSON.stringify(frame, null, 2) });
    this.frames.prepend(element("li", {}, element("details", {},
      element("summary", {}, element("time", { textContent: clock() }), ` ${line}`), whole)));
    while (this.frames.childElementCount > MAX_FRAMES) this.frames.lastElementChild.remove();
  }

  async #send() {
    const to = this.input.value.split(",").map((each) => each.trim()).find((each) => each.includes("@"));
    const refused = to ? await putIn(to) : "Name an address to send to.";
    if (refused) this.state.textContent = refused;
  }
}

/** Put a mail into a mailbox; returns why it was refused. */
async function putIn(address) {
  try {
    const response = await ask(`/api/addresses/${encodeURIComponent(address)}/messages`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ from: "tester@example.org", subject: `Test at ${clock()}`, text: "Your code is 482913." }),
    });
    return response.ok ? "" : (await response.json()).message;
  } catch {
    return "The server does not answer.";
  }
}

class WebhookTester extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    const [address, addressInput] = field("Private address", { value: "bob@example.com", required: true, type: "email" });
    const [url, urlInput] = field("URL of the webhook", { type: "url", placeholder: "http://localhost:3000/hook", required: true });
    [this.address, this.url] = [addressInput, urlInput];
    this.state = element("output");
    const set = element("button", { textContent: "Set it" });
    const mail = element("button", { type: "button", textContent: "Send a mail there" });
    const log = element("button", { type: "button", textContent: "Show the log" });
    this.log = element("ol", { className: "log" });
    const form = element("form", {}, address, url, keyField(), element("p", {}, set, mail, log, this.state));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#set();
    });
    mail.addEventListener("click", async () => {
      this.state.textContent = (await putIn(this.address.value)) || "A mail is there.";
      this.#follow();
    });
    log.addEventListener("click", () => this.#follow());
    this.append(element("h2", { textContent: "Try it" }), form, this.log);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  get #path() {
    return `/api/addresses/${encodeURIComponent(this.address.value)}`;
  }

  /** The JSON of an answer; undefined where it was refused, which is then said. */
  async #json(target, options) {
    try {
      const response = await ask(target, options);
      const answer = await response.json();
      if (response.ok) return answer;
      this.state.textContent = [answer.message, ...(answer.validationErrors ?? [])].join(" ");
    } catch {
      this.state.textContent = "The server does not answer.";
    }
    return undefined;
  }

  async #set() {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ webhook: this.url.value });
    const known = await this.#json(this.#path);
    if (!known) return;
    const method = known.owner && !known.implicit ? "PUT" : "POST"; // who sets one reserves the address
    if (await this.#json(this.#path, { method, headers, body })) {
      this.state.textContent = `Mail for ${this.address.value} is posted there.`;
    }
  }

  async #follow() {
    clearInterval(this.#timer);
    if (await this.#refresh()) this.#timer = setInterval(() => this.#refresh(), LOG_EVERY_MS);
  }

  async #refresh() {
    if (document.hidden) return true;
    const jobs = await this.#json(`${this.#path}/webhook-log?limit=20`);
    if (!jobs) {
      clearInterval(this.#timer);
      return false;
    }
    const seen = JSON.stringify(jobs);
    if (seen === this.seen) return true;
    this.seen = seen;
    this.log.replaceChildren(...(jobs.length ? jobs.map((job) => this.#job(job)) : [element("li", { textContent: "Nothing was posted yet." })]));
    return true;
  }

  #job(job) {
    const replay = element("button", { type: "button", textContent: "Send it again" });
    replay.addEventListener("click", async () => {
      await this.#json(`${this.#path}/webhook-log/${encodeURIComponent(job._id)}/replay`, { method: "POST" });
      this.#follow();
    });
    const attempts = (job.attempts ?? []).map((each) => JSON.stringify(each)).join("\n");
    return element("li", {}, element("details", {},
      element("summary", {}, element("b", { textContent: job.state, className: job.state }), ` ${job.url ?? job.target ?? ""}`),
      element("pre", { tabIndex: 0, textContent: attempts || "no attempt yet" }), replay));
  }
}

customElements.define("reader-key", ReaderKey);
customElements.define("socket-tester", SocketTester);
customElements.define("webhook-tester", WebhookTester);
