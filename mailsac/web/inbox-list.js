// The list of messages. Only rows in sight are in the document, whatever the mailbox holds.

import { place } from "./inbox-api.js";
import { button, copy, h, icon, person, plural, time } from "./inbox-dom.js";

const ROW = 56; // px, as in the style sheet
const BEYOND = 6; // rows above and below what is in sight
const MAX_ROWS = 200;
const AHEAD = 40; // rows before the end, where more are loaded
const SETTLED_MS = 120; // then what rows do not say is asked for

export class MessageList extends HTMLElement {
  #mailbox;
  #actions;
  #list = h("ul", { class: "rows", "aria-label": "Messages" });
  #scroller = h("div", { class: "scroller" }, this.#list);
  #pill = button("", () => this.#toTop(), { class: "pill primary", hidden: true });
  #note = h("p", { class: "note muted", hidden: true });
  #shown = new Map();
  #focused = null;
  #opened = null;
  #anchor = null;
  #fresh = 0;
  #frame = 0;
  #settling = 0;

  /** `actions`: open(id), select(). */
  show(mailbox, actions) {
    this.#mailbox = mailbox;
    this.#actions = actions;
    this.replaceChildren(this.#pill, this.#scroller, this.#note);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.#scroller);
    mailbox.addEventListener("change", () => this.#draw());
    mailbox.addEventListener("details", ({ detail }) => this.#refill(detail));
    mailbox.addEventListener("arrived", ({ detail }) => this.#arrived(detail));
  }

  disconnectedCallback() {
    clearInterval(this.ticking);
  }

  connectedCallback() {
    this.ticking = setInterval(() => {
      for (const id of this.#shown.keys()) this.#refill(id); // times go on
    }, 30_000);
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  get focused() {
    return this.#focused;
  }

  set opened(id) {
    const before = this.#opened;
    this.#opened = id;
    if (id) this.#focused = id;
    this.#refill(before);
    this.#refill(id);
  }

  /** The one after, or before where `step` is -1. */
  neighbour(id, step) {
    const { rows } = this.#mailbox;
    const at = rows.findIndex((row) => row._id === id);
    return rows[at < 0 ? 0 : at + step]?._id ?? null;
  }

  focusOn(id) {
    const at = this.#mailbox.rows.findIndex((row) => row._id === id);
    if (at < 0) return;
    this.#focused = id;
    const top = at * ROW,
      height = this.#scroller.clientHeight;
    if (top < this.#scroller.scrollTop) this.#scroller.scrollTop = top;
    else if (top + ROW > this.#scroller.scrollTop + height) this.#scroller.scrollTop = top + ROW - height;
    this.#draw();
    this.#shown.get(id)?.querySelector("a").focus({ preventScroll: true });
  }

  // --- What is in sight ---

  #draw() {
    const { rows, selected } = this.#mailbox;
    if (this.#drawn !== rows.length) {
      this.#list.style.height = `${rows.length * ROW}px`;
      this.#drawn = rows.length;
    }
    this.classList.toggle("selecting", selected.size > 0);
    const { scrollTop, clientHeight } = this.#scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((scrollTop + clientHeight) / ROW) + BEYOND, first + MAX_ROWS);
    const inSight = new Set();
    for (let at = first; at < last; at++) {
      const row = rows[at];
      inSight.add(row._id);
      let item = this.#shown.get(row._id);
      if (!item) {
        item = h("li", {});
        this.#shown.set(row._id, item);
        this.#list.append(item);
      }
      item.style.transform = `translateY(${at * ROW}px)`;
      item.setAttribute("aria-posinset", at + 1);
      item.setAttribute("aria-setsize", this.#mailbox.hasMore ? -1 : rows.length);
      this.#fill(item, row);
    }
    for (const [id, item] of this.#shown) {
      if (inSight.has(id)) continue;
      item.remove();
      this.#shown.delete(id);
    }
    if (last > rows.length - AHEAD) this.#mailbox.more().catch(() => {});
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#complete(), SETTLED_MS);
    this.#sayWhy(rows);
    this.#sayNew();
  }

  #drawn = -1;

  #sayWhy(rows) {
    const { isLoading, isSearch, isIndexing } = this.#mailbox;
    this.#note.hidden = rows.length > 0 && !isIndexing;
    if (isIndexing) this.#note.textContent = "Some mail is not indexed yet; it will be found in a moment.";
    else if (isLoading) this.#note.textContent = "Loading…";
    else this.#note.textContent = isSearch ? "Nothing matches." : "No mail yet.";
  }

  #complete() {
    this.#mailbox.inSight(new Set(this.#shown.keys()));
  }

  #refill(id) {
    const item = this.#shown.get(id);
    if (item) this.#fill(item, this.#mailbox.row(id));
  }

  /** Make the row anew where it says something else than before. */
  #fill(item, row) {
    if (!row) return;
    const details = this.#mailbox.details(row._id);
    const isSelected = this.#mailbox.selected.has(row._id);
    const isOpened = row._id === this.#opened;
    const sender = row.from[0] ? person(row.from[0]) : "no sender";
    const when = time(row.received);
    const says = [
      row.read,
      row.savedBy,
      row.labels,
      row.folder,
      details.words,
      details.code,
      isSelected,
      isOpened,
      when.textContent,
    ].join("\n");
    if (item.says === says) return;
    item.says = says;
    const hadFocus = item.contains(document.activeElement) && document.activeElement.className;
    item.className = [row.read ? "" : "unread", isSelected ? "selected" : "", isOpened ? "opened" : ""]
      .filter(Boolean)
      .join(" ");
    const link = h(
      "a",
      {
        class: "row",
        href: `/inbox/${place(this.#mailbox.address)}/${row._id}`,
        "aria-current": isOpened && "true",
        on: { click: (event) => this.#clicked(event, row._id), focus: () => (this.#focused = row._id) },
      },
      h("span", { class: "dot" }, !row.read && h("span", { class: "unseen" }, "Unread. ")),
      h("span", { class: "sender" }, sender),
      h("span", { class: "marks" }, row.savedBy && icon("star"), row.attachments.length > 0 && icon("clip")),
      when,
      h(
        "span",
        { class: "subject" },
        h("b", {}, row.subject || "(no subject)"),
        details.words && h("span", { class: "words" }, details.words),
      ),
    );
    const tick = h("input", {
      type: "checkbox",
      "aria-label": `Select ${row.subject || "the message"}`,
      on: { click: (event) => this.#ticked(event, row._id) },
    });
    tick.checked = isSelected;
    item.replaceChildren(link, tick, ...chip(details));
    item.classList.toggle("chipped", item.children.length > 2);
    if (hadFocus) (item.querySelector(`[class="${hadFocus}"]`) ?? link).focus({ preventScroll: true });
  }

  #clicked(event, id) {
    if (event.ctrlKey || event.metaKey) return; // a tab of its own
    event.preventDefault();
    if (event.shiftKey) this.#selectTo(id);
    else this.#actions.open(id);
  }

  #ticked(event, id) {
    if (event.shiftKey) this.#selectTo(id);
    else this.toggle(id);
  }

  toggle(id) {
    const { selected } = this.#mailbox;
    if (!selected.delete(id)) selected.add(id);
    this.#anchor = id;
    this.#actions.select();
    this.draw();
  }

  #selectTo(id) {
    const { rows, selected } = this.#mailbox;
    const at = (id) => rows.findIndex((row) => row._id === id);
    const [from, to] = [at(this.#anchor ?? this.#opened ?? id), at(id)].sort((a, b) => a - b);
    for (const row of rows.slice(Math.max(0, from), to + 1)) selected.add(row._id);
    this.#anchor = id;
    this.#actions.select();
    this.draw();
  }

  // --- New mail enters at the top, and what is being read stays where it is ---

  #arrived(rows) {
    if (this.#scroller.scrollTop < ROW / 2) return;
    this.#fresh += rows.length;
    this.#list.style.height = `${this.#mailbox.rows.length * ROW}px`;
    this.#scroller.scrollTop += rows.length * ROW;
  }

  #sayNew() {
    this.#pill.hidden = this.#fresh === 0;
    this.#pill.textContent = `${this.#fresh} new`;
    this.#pill.setAttribute("aria-label", `${plural(this.#fresh, "new message")}, go to the top`);
  }

  #scrolled() {
    if (this.#scroller.scrollTop < ROW / 2) this.#fresh = 0;
    this.draw();
  }

  #toTop() {
    this.#fresh = 0;
    this.#scroller.scrollTop = 0;
    this.draw();
  }
}

/** What a tester wants of a message, one click from the clipboard. */
function chip({ code, link }) {
  if (code) {
    return [
      button(code, (event) => copy(code, event.currentTarget), {
        class: "chip code",
        "aria-label": `Copy the code ${code}`,
        title: "Copy the code",
      }),
    ];
  }
  if (!link) return [];
  return [
    h(
      "a",
      { class: "chip link", href: link.value, target: "_blank", rel: "noopener noreferrer", title: link.value },
      icon("link"),
      link.kind,
    ),
  ];
}

customElements.define("message-list", MessageList);
