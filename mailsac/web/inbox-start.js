// The start: any address, and the mailboxes that have mail.

import { ask, get, place } from "./inbox-api.js";
import { button, count, failed, h, person, plural, time } from "./inbox-dom.js";

const POLL_MS = 3000;
const COUNT_MS = 60_000; // all mail is counted for that
const NEWEST = 200;
const WORDS = [
  "amber brave calm clear cosy crisp eager early fair fresh gentle glad green happy jolly keen kind light lively lucky merry mild neat noble plain proud quick quiet ready sharp silver smart soft solid spare steady sunny swift warm wise young".split(
    " ",
  ),
  "acorn badger beaver birch brook cedar clover comet coral crane daisy falcon fern finch fox harbour hazel heron island juniper kite lark lemon lynx maple meadow moss otter owl pebble pine plum river robin sparrow spruce stone swan thistle tulip walnut willow wren".split(
    " ",
  ),
];

const pick = (list) => list[crypto.getRandomValues(new Uint32Array(1))[0] % list.length];

export class MailStart extends HTMLElement {
  #domain = defaultDomain();
  #newest = [];
  #counts = new Map();
  #counted = -Infinity;

  /** `open(address)` goes to a mailbox. */
  show(open) {
    const field = h("input", {
      type: "text",
      id: "address",
      inputmode: "email",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      placeholder: `any address, like bob@${this.#domain}`,
      list: "known",
    });
    const go = (text) => open(text.includes("@") ? text : `${text}@${this.#domain}`);
    this.filter = h("input", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Filter the mailboxes",
      on: { input: () => this.#draw() },
    });
    this.known = h("datalist", { id: "known" });
    this.table = h("ul", { class: "mailboxes" });
    this.note = h("p", { class: "muted" }, "Loading…");
    this.strip = h("p", { class: "strip muted", hidden: true });
    this.replaceChildren(
      h(
        "div",
        { class: "start" },
        h("h1", {}, "Open a mailbox"),
        h("p", { class: "muted" }, "Mail for any address is taken and kept here. Nothing has to be set up first."),
        h(
          "form",
          {
            class: "open",
            on: {
              submit: (event) => {
                event.preventDefault();
                if (field.value.trim()) go(field.value.trim());
              },
            },
          },
          h("label", { for: "address", class: "unseen" }, "Address"),
          field,
          this.known,
          h("button", { class: "primary" }, "Open"),
          button("Make one for me", () =>
            go(`${pick(WORDS[0])}-${pick(WORDS[1])}-${10 + ((Math.random() * 90) | 0)}@${this.#domain}`),
          ),
        ),
        h("div", { class: "heading" }, h("h2", {}, "Mailboxes"), h("span", { class: "spacer" }), this.filter),
        this.table,
        this.note,
        this.strip,
      ),
    );
    field.focus();
    this.#load();
    this.polling = setInterval(() => document.hidden || this.#refresh().catch(() => {}), POLL_MS);
  }

  disconnectedCallback() {
    clearInterval(this.polling);
  }

  async #load() {
    try {
      await this.#refresh();
      const domains = await get("/api/domains");
      this.#domain = domains[0]?._id ?? this.#domain;
      this.querySelector("#address").placeholder = `any address, like bob@${this.#domain}`;
    } catch (error) {
      failed(error);
    }
    this.#status();
  }

  async #refresh() {
    const isDue = performance.now() - this.#counted > COUNT_MS;
    if (isDue) this.#counted = performance.now();
    const tallies = isDue ? get("/api/mailstats/top-addresses?limit=1000") : null;
    this.#newest = (await get(`/api/inbox?limit=${NEWEST}`)).messages;
    if (tallies) this.#counts = new Map((await tallies).map(({ _id, n }) => [_id, n]));
    this.#draw();
  }

  #draw() {
    const boxes = new Map();
    for (const message of this.#newest) {
      const box = boxes.get(message.inbox) ?? { last: message, unread: 0, number: 0 };
      box.number++;
      if (!message.read) box.unread++;
      boxes.set(message.inbox, box);
    }
    for (const [address, number] of this.#counts) {
      const box = boxes.get(address);
      if (box) box.number = Math.max(box.number, number);
      else boxes.set(address, { unread: 0, number });
    }
    const wanted = this.filter.value.trim().toLowerCase();
    const shown = [...boxes].filter(([address]) => address.includes(wanted)).slice(0, NEWEST);
    const says =
      JSON.stringify(shown.map(([address, { last, unread, number }]) => [address, last?._id, unread, number])) +
      new Date().getMinutes();
    if (says === this.says) return;
    this.says = says;
    this.table.replaceChildren(
      ...shown.map(([address, { last, unread, number }]) =>
        h(
          "li",
          { class: unread ? "unread" : "" },
          h(
            "a",
            { href: `/inbox/${place(address)}` },
            h("span", { class: "address" }, address),
            h(
              "span",
              { class: "last muted" },
              last && `${last.from[0] ? person(last.from[0]) : "no sender"}: ${last.subject || "(no subject)"}`,
            ),
            h(
              "span",
              { class: "number" },
              unread > 0 && h("span", { class: "chip" }, `${count(unread)} new`),
              h("span", { class: "muted" }, count(number)),
            ),
            last ? time(last.received) : h("span", {}),
          ),
        ),
      ),
    );
    this.known.replaceChildren(...[...boxes.keys()].slice(0, 100).map((address) => h("option", { value: address })));
    this.note.textContent =
      boxes.size === 0
        ? "No mail yet. Open any address: it says how to send to it."
        : shown.length
          ? plural(boxes.size, "mailbox", "mailboxes")
          : "No mailbox is called like that.";
    this.filter.hidden = boxes.size < 8;
  }

  /** One line of how the server does, for those who run it. */
  async #status() {
    const response = await ask("/api/status").catch(() => null);
    if (!response) return;
    const { summary, parts } = await response.json();
    const shown = ["mail", "queue", "disk", "database"]
      .map((name) => parts.find((part) => part.name === name))
      .filter((part) => part?.text);
    this.strip.hidden = false;
    this.strip.replaceChildren(
      h("a", { href: "/status" }, summary),
      ...shown.map((part) => h("span", {}, `${part.title}: ${part.text}`)),
    );
  }
}

function defaultDomain() {
  const { hostname } = location;
  return hostname.includes(".") && !/^[\d.]+$/.test(hostname) ? hostname : "example.com";
}

customElements.define("mail-start", MailStart);
