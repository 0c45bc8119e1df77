// The inbox: which page the address of the browser names, and what its keys do.

import { get, place } from "./inbox-api.js";
import { announce, button, copy, failed, h, icon, iconButton, plural, toast } from "./inbox-dom.js";
import { labelButton } from "./inbox-controls.js";
import "./inbox-list.js";
import { Mailbox, UNDO_MS } from "./inbox-mailbox.js";
import { FOLDERS } from "./inbox-message.js";
import { searchField } from "./inbox-search.js";
import { waiting } from "./inbox-send.js";
import "./inbox-start.js";

const FOLDER_NAMES = { spam: "Spam", trash: "Trash", sent: "Sent", drafts: "Drafts", all: "Archive" };
const HELP = [
  ["j", "k", "Next, previous"],
  ["Enter", "Open"],
  ["Esc", "Back"],
  ["/", "Search"],
  ["x", "Select"],
  ["c", "Copy the code"],
  ["l", "Copy the link"],
  ["d", "Delete"],
  ["u", "Unread"],
  ["s", "Star"],
  ["1", "6", "Views of the message"],
  ["g s", "Start"],
  ["?", "This help"],
];

class MailApp extends HTMLElement {
  #mailbox = null;
  #opened = null;
  #labels = [];
  #afterG = -Infinity;

  connectedCallback() {
    document.body.append(
      h("div", { id: "toasts", role: "region", "aria-label": "Notices" }),
      h("div", { id: "announcements", class: "unseen", role: "status", "aria-live": "polite" }),
    );
    this.connection = h("span", { class: "connection", role: "status" });
    document.querySelector(".bar .spacer").after(
      this.connection,
      iconButton("help", "Keys", () => this.#help()),
      h(
        "a",
        {
          href: "/settings",
          class: "button quiet icon",
          "aria-label": "Settings",
          title: "Settings",
          on: { click: (event) => this.#follow(event) },
        },
        icon("settings"),
      ),
    );
    addEventListener("popstate", () => this.#route());
    document.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("click", (event) => this.#follow(event));
    document.querySelector(".brand").addEventListener("click", (event) => this.#follow(event));
    document.querySelector('.bar nav a[href="/"]').addEventListener("click", (event) => this.#follow(event));
    this.#route();
  }

  // --- Where we are ---

  #follow(event) {
    const link = event.target.closest("a[href^='/']");
    if (
      !link ||
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      link.target ||
      link.download
    )
      return;
    if (!/^\/($|\?|inbox\/|settings($|#))/.test(link.getAttribute("href"))) return;
    event.preventDefault();
    this.#go(link.getAttribute("href"));
  }

  #go(path, { replace = false } = {}) {
    if (path !== location.pathname + location.search + location.hash)
      history[replace ? "replaceState" : "pushState"](null, "", path);
    this.#route();
  }

  #path({ id, view = this.#mailbox.view } = {}) {
    const query = new URLSearchParams(view).toString();
    return `/inbox/${place(this.#mailbox.address)}${id ? `/${id}` : ""}${query ? `?${query}` : ""}`;
  }

  #route() {
    const [, , address, id] = location.pathname.split("/").map(decoded);
    const view = Object.fromEntries(
      [...new URLSearchParams(location.search)].filter(
        ([name, value]) => ["q", "folder", "label"].includes(name) && value,
      ),
    );
    if (location.pathname === "/settings") return this.#settings();
    if (!address) return this.#start();
    if (this.#mailbox?.address !== address.toLowerCase() || JSON.stringify(this.#mailbox.view) !== JSON.stringify(view))
      this.#enter(address, view);
    this.#show(id || null);
  }

  #start() {
    this.#leave();
    const start = h("mail-start");
    this.replaceChildren(start);
    this.dataset.page = "start";
    start.show((address) => this.#go(`/inbox/${place(address.toLowerCase())}`));
    this.#title();
  }

  async #settings() {
    if (this.dataset.page === "settings") return;
    this.#leave();
    this.dataset.page = "settings";
    await import("./inbox-settings.js");
    if (this.dataset.page === "settings") this.replaceChildren(h("mail-settings"));
  }

  #leave() {
    this.#mailbox?.close();
    this.#mailbox = null;
    this.#opened = null;
    this.connection.textContent = "";
    delete this.connection.dataset.state;
  }

  // --- A mailbox ---

  #enter(address, view) {
    this.#leave();
    const mailbox = (this.#mailbox = new Mailbox(address, view));
    this.list = h("message-list", { tabindex: "-1" });
    this.message = h("mail-message");
    this.rail = h("nav", { class: "rail", id: "rail", "aria-label": "Mailbox" });
    this.selection = h("div", { class: "selection", role: "toolbar", "aria-label": "Selected messages", hidden: true });
    this.empty = h("div", { class: "empty", hidden: true });
    const railButton = iconButton(
      "menu",
      "Folders and labels",
      () => {
        const isOpen = this.rail.classList.toggle("open");
        railButton.setAttribute("aria-expanded", String(isOpen));
      },
      { class: "quiet icon rail-button", "aria-expanded": "false", "aria-controls": "rail" },
    );
    this.head = h(
      "div",
      { class: "list-head" },
      railButton,
      searchField(view, (found) => {
        this.#go(this.#path({ view: found }));
        this.list.focus();
      }),
    );
    const pane = h("section", { class: "list", "aria-label": "List" }, this.head, this.selection, this.list);
    this.dataset.page = "mailbox";
    const title = h("h1", { class: "unseen" }, `Mail of ${address}`);
    this.replaceChildren(title, this.rail, pane, h("article", { class: "reading" }, this.message), this.empty);
    this.message.clear("");
    this.list.show(mailbox, { open: (id) => this.#go(this.#path({ id })), select: () => this.#drawSelection() });
    mailbox.addEventListener("change", () => mailbox === this.#mailbox && this.#changed());
    mailbox.addEventListener("state", ({ detail }) => this.#connection(detail));
    mailbox.addEventListener("arrived", ({ detail }) => this.#arrived(detail));
    mailbox.addEventListener("refused", ({ detail }) =>
      toast(`Mail from ${detail.sender || "<>"} was refused: ${detail.reply}`, { ms: 15_000, isError: true }),
    );
    mailbox.addEventListener("gone", ({ detail }) => detail.has(this.#opened) && this.#afterGone());
    mailbox.open().catch((error) => this.message.clear("") ?? failed(error));
    this.#drawRail();
    get("/api/me")
      .then((me) => {
        this.#labels = me?.labels ?? [];
        this.#drawRail();
      })
      .catch(() => {});
  }

  #changed() {
    const mailbox = this.#mailbox;
    this.#title();
    this.message.update(mailbox.row(this.#opened));
    this.#drawSelection();
    const isEmpty = !mailbox.isLoading && mailbox.rows.length === 0 && !mailbox.isSearch && !this.#opened;
    if (isEmpty && this.empty.hidden) this.empty.replaceChildren(waiting(mailbox.address, this.dataset.smtpPort));
    this.empty.hidden = !isEmpty;
    this.classList.toggle("is-empty", isEmpty);
    if (!this.#opened && !isEmpty) this.message.clear(mailbox.isLoading ? "" : "Choose a message, or press j.");
    const labels = JSON.stringify(this.#knownLabels());
    if (labels !== this.drawnLabels) this.#drawRail();
  }

  #arrived(rows) {
    const first = this.#mailbox.rows.length === rows.length && !this.#opened;
    announce(`${plural(rows.length, "new message")}: ${rows[0].subject}`);
    if (first) this.#go(this.#path({ id: rows[0]._id }));
  }

  #title() {
    if (!this.#mailbox) return void (document.title = "mailsac");
    const { unread, address } = this.#mailbox;
    document.title = `${unread ? `(${unread}) ` : ""}${address} · mailsac`;
  }

  #connection({ state, seconds }) {
    const words = {
      live: "live",
      waiting: `reconnecting in ${seconds} s`,
      offline: "offline",
      refused: "not allowed to listen",
    };
    this.connection.dataset.state = state;
    this.connection.textContent = words[state];
  }

  #show(id) {
    this.#opened = id;
    this.dataset.open = id ? "message" : "list";
    this.list.opened = id;
    this.rail.classList.remove("open");
    if (!id) return this.#changed();
    this.empty.hidden = true;
    this.classList.remove("is-empty");
    this.message
      .show(this.#mailbox, id, {
        back: () => this.#back(),
        remove: (id) => this.#delete([id]),
        star: (id) => this.#mailbox.star(id).catch(failed),
        unread: (id) => this.#unread([id]),
        label: (id, label, on) => this.#mailbox.setLabel([id], label, on).catch(failed),
        move: (id, folder) => this.#move([id], folder),
        labels: () => this.#knownLabels(),
      })
      .then(() => {
        const { message } = this.message;
        if (this.#opened !== id || !message) return;
        if (message._id !== id) return this.#go(this.#path({ id: message._id }), { replace: true }); // it was `latest`
        return this.#mailbox.markRead(message);
      })
      .catch(failed);
  }

  #back() {
    const id = this.#opened;
    this.#go(this.#path());
    this.list.focusOn(id);
  }

  // --- The rail ---

  #knownLabels() {
    const used = this.#mailbox.rows.slice(0, 1000).flatMap((row) => row.labels);
    return [...new Set([...this.#labels, ...used])].sort().slice(0, 50);
  }

  #drawRail() {
    const { address, view } = this.#mailbox;
    const labels = this.#knownLabels();
    this.drawnLabels = JSON.stringify(labels);
    const entry = (text, to) =>
      h(
        "li",
        {},
        h(
          "a",
          {
            href: this.#path({ view: to }),
            "aria-current": JSON.stringify(to) === JSON.stringify(view) && "page",
          },
          text,
        ),
      );
    this.rail.replaceChildren(
      h(
        "h2",
        { class: "address", title: address },
        h("span", {}, address),
        iconButton("copy", "Copy the address", (event) => copy(address, event.currentTarget)),
      ),
      h(
        "ul",
        {},
        entry("Inbox", {}),
        entry("Unread", { q: "is:unread" }),
        entry("Starred", { q: "is:starred" }),
        entry("Codes", { q: "has:code" }),
        entry("Attachments", { q: "has:attachment" }),
      ),
      h("h3", {}, "Folders"),
      h(
        "ul",
        {},
        FOLDERS.filter((folder) => folder !== "inbox").map((folder) => entry(FOLDER_NAMES[folder], { folder })),
      ),
      ...(labels.length
        ? [
            h("h3", {}, "Labels"),
            h(
              "ul",
              {},
              labels.map((label) => entry(label, { label })),
            ),
          ]
        : []),
      h("h3", {}, "Address"),
      h("ul", {}, h("li", {}, h("a", { href: "/settings#addresses" }, "Settings"))),
    );
  }

  // --- What is done with messages ---

  #drawSelection() {
    const { selected } = this.#mailbox;
    this.selection.hidden = selected.size === 0;
    this.head.hidden = selected.size > 0;
    if (!selected.size) return void (this.says = "");
    const says = [...selected].join();
    if (says === this.says) return;
    this.says = says;
    const ids = () => [...selected];
    const rows = () =>
      ids()
        .map((id) => this.#mailbox.row(id))
        .filter(Boolean);
    const clear = () => {
      selected.clear();
      this.#drawSelection();
      this.list.draw();
    };
    const done = (action) => action.then(clear).catch(failed);
    const folders = h(
      "select",
      { "aria-label": "Move to", on: { change: () => folders.value && done(this.#move(ids(), folders.value)) } },
      h("option", { value: "" }, "Move…"),
      FOLDERS.map((folder) => h("option", { value: folder }, folder)),
    );
    this.selection.replaceChildren(
      iconButton("close", "Select nothing", clear),
      h("b", {}, String(selected.size)),
      h("span", { class: "unseen" }, " selected"),
      button(
        "All",
        () => {
          for (const row of this.#mailbox.rows) selected.add(row._id);
          this.#drawSelection();
          this.list.draw();
        },
        { class: "quiet", title: "Select all that is loaded" },
      ),
      h("span", { class: "spacer" }),
      iconButton("check", "Mark as read", () => done(this.#mailbox.setRead(ids(), true))),
      iconButton("unread", "Mark as unread", () => done(this.#mailbox.setRead(ids(), false))),
      labelButton(
        () => rows()[0]?.labels.filter((label) => rows().every((row) => row.labels.includes(label))) ?? [],
        () => this.#knownLabels(),
        (label, on) => done(this.#mailbox.setLabel(ids(), label, on)),
      ),
      folders,
      iconButton("trash", "Delete", () => this.#delete(ids())),
    );
  }

  #delete(ids) {
    const opened = this.#opened;
    const next = ids.includes(opened) ? (this.list.neighbour(opened, 1) ?? this.list.neighbour(opened, -1)) : null;
    this.next = ids.includes(next) ? null : next;
    const undo = this.#mailbox.delete(ids, failed);
    const path = this.#path({ id: opened });
    toast(ids.length === 1 ? "Deleted." : `${plural(ids.length, "message")} deleted.`, {
      action: "Undo",
      ms: UNDO_MS,
      onAction: () => {
        undo();
        this.#mailbox?.refresh().catch(failed);
        if (ids.includes(opened)) this.#go(path);
      },
    });
  }

  #afterGone() {
    const { next } = this;
    this.next = null;
    const isWide = matchMedia("(min-width: 700px)").matches;
    this.#go(this.#path({ id: isWide ? next : null }), { replace: true });
    if (!isWide && next) this.list.focusOn(next);
  }

  async #unread(ids) {
    await this.#mailbox.setRead(ids, false).catch(failed);
    if (ids.includes(this.#opened)) this.#back();
  }

  #move(ids, folder) {
    return this.#mailbox
      .move(ids, folder)
      .then(() => announce(`Moved to ${folder}`))
      .catch(failed);
  }

  // --- Keys ---

  #key(event) {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select, dialog, [popover]");
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape"))
      return;
    if (document.querySelector("dialog[open]")) return;
    const isAfterG = performance.now() - this.#afterG < 1500;
    this.#afterG = -Infinity;
    if (event.key === "?") this.#help();
    else if (event.key === "g") this.#afterG = performance.now();
    else if (event.key === "s" && isAfterG) this.#go("/");
    else if (!this.#mailbox || !this.#mailboxKey(event.key)) return;
    event.preventDefault();
  }

  /** Whether the key means something here. */
  #mailboxKey(key) {
    const id = this.#opened ?? this.list.focused;
    const hasRow = id && this.#mailbox.row(id);
    const step = { j: 1, k: -1 }[key];
    if (step) {
      const next = hasRow ? this.list.neighbour(id, step) : this.#mailbox.rows[0]?._id;
      if (!next) return true;
      if (this.#opened) this.#go(this.#path({ id: next }), { replace: true });
      this.list.focusOn(next);
    } else if (key === "Escape") {
      if (this.#mailbox.selected.size) {
        this.#mailbox.selected.clear();
        this.#drawSelection();
        this.list.draw();
      } else if (this.#opened) this.#back();
      else if (this.#mailbox.isSearch) this.#go(this.#path({ view: {} }));
      else return false;
    } else if (key === "/") this.querySelector(".search").focus();
    else if (/^[1-6]$/.test(key) && this.#opened) this.message.openTab(Number(key) - 1);
    else if (!hasRow) return false;
    else if (key === "x") this.list.toggle(id);
    else if (key === "s") this.#mailbox.star(id).catch(failed);
    else if (key === "u") this.#unread([id]);
    else if (key === "d") this.#delete(this.#mailbox.selected.size ? [...this.#mailbox.selected] : [id]);
    else if (key === "c" || key === "l") this.#copyOf(id, key === "c" ? "code" : "link");
    else return false;
    return true;
  }

  #copyOf(id, what) {
    const details =
      id === this.#opened ? { code: this.message.code, link: this.message.link } : this.#mailbox.details(id);
    const value = what === "code" ? details.code : details.link?.value;
    if (value) copy(value).then(() => toast(`Copied ${value.length > 60 ? "the link" : value}`, { ms: 2000 }));
    else toast(`This message has no ${what}.`, { ms: 3000 });
  }

  #help() {
    const dialog = h(
      "dialog",
      {
        class: "menu help",
        "aria-labelledby": "help-title",
        on: { close: () => dialog.remove(), click: (event) => event.target === dialog && dialog.close() },
      },
      h("h2", { id: "help-title" }, "Keys"),
      h(
        "dl",
        {},
        HELP.map((line) =>
          h(
            "div",
            {},
            h(
              "dt",
              {},
              line.slice(0, -1).map((key) => h("kbd", {}, key)),
            ),
            h("dd", {}, line.at(-1)),
          ),
        ),
      ),
      button("Close", () => dialog.close(), { autofocus: true }),
    );
    document.body.append(dialog);
    dialog.showModal();
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

customElements.define("mail-app", MailApp);
