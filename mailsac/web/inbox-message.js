// One message: its head, what a tester wants of it, and all that is in it.

import { ask, bodyPath, get, key, messagePath, place } from "./inbox-api.js";
import {
  absolute,
  button,
  copy,
  copyButton,
  count,
  failed,
  h,
  icon,
  iconButton,
  octets,
  person,
  time,
} from "./inbox-dom.js";
import { labelButton, release, searchable, wrapping } from "./inbox-controls.js";
import { primaryLink } from "./inbox-mailbox.js";
import { partsOf, partTree } from "./inbox-parts.js";
import { head, rendered } from "./inbox-rendered.js";

const TABS = ["Rendered", "Text", "Source", "Headers", "Parts", "Links"];
const MAX_CHIPS = 40; // attachments; all are among the parts
const MAX_NAMED = 20; // recipients; all are among the header fields
const MAX_TREE = 20_000_000; // octets of a message that is taken apart here
const IMAGES = /^image\/(png|gif|jpeg|webp|bmp|avif)$/;
export const FOLDERS = ["inbox", "all", "spam", "trash", "sent", "drafts"];

export class MailMessage extends HTMLElement {
  #tab = "Rendered";
  #choices = { width: "full" };
  #urls = [];

  /** `actions`: back(), remove(id), star(id), unread(id), label(id, label, on), move(id, folder), labels(). */
  async show(mailbox, id, actions) {
    this.#close();
    this.mailbox = mailbox;
    this.id_ = id;
    this.actions = actions;
    const address = mailbox.address;
    this.message = null;
    try {
      const message = await get(messagePath(address, id));
      if (this.id_ !== id) return;
      this.message = message;
    } catch (error) {
      if (this.id_ === id) this.replaceChildren(h("p", { class: "nothing error" }, error.message));
      return;
    }
    const attachments = this.message.attachments.length
      ? get(`${messagePath(address, id)}/attachments`)
      : Promise.resolve([]);
    this.#build();
    attachments.then((found) => this.id_ === id && this.#showAttachments(found)).catch(failed);
  }

  clear(text) {
    this.#close();
    this.id_ = null;
    this.message = null;
    this.replaceChildren(h("p", { class: "nothing muted" }, text));
  }

  #close() {
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#urls = [];
  }

  /** The row changed, here or elsewhere. */
  update(row) {
    if (!this.message || row?._id !== this.message._id) return;
    Object.assign(this.message, { savedBy: row.savedBy, labels: row.labels, folder: row.folder, read: row.read });
    this.#marks();
  }

  get code() {
    return this.message?.codes?.[0]?.value;
  }

  get link() {
    return primaryLink(this.message ?? {}) ?? this.message?.linkDetails?.[0];
  }

  openTab(number) {
    this.tabs?.[number]?.click();
  }

  #build() {
    const { message } = this;
    const path = `/inbox/${place(this.mailbox.address)}/${message._id}`;
    this.starButton = iconButton("star", "Star", () => this.actions.star(message._id), { "aria-pressed": "false" });
    this.folderSelect = h(
      "select",
      {
        "aria-label": "Folder",
        title: "Folder",
        on: {
          change: () => this.actions.move(message._id, this.folderSelect.value),
        },
      },
      FOLDERS.map((folder) => h("option", { value: folder }, folder)),
    );
    this.labelChips = h("span", { class: "labels" });
    const tools = h(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Message" },
      iconButton("back", "Back to the list", this.actions.back, { class: "quiet icon back" }),
      iconButton("trash", "Delete", () => this.actions.remove(message._id)),
      iconButton("unread", "Mark as unread", () => this.actions.unread(message._id)),
      this.starButton,
      labelButton(
        () => this.message.labels,
        this.actions.labels,
        (label, on) => this.actions.label(message._id, label, on),
      ),
      this.folderSelect,
      h("span", { class: "spacer" }),
      iconButton("send", "Release: send it on", () => release(message, messagePath(this.mailbox.address, message._id))),
      iconButton("print", "Print", () => print()),
      iconButton("down", "Download", () =>
        this.#download(`${bodyPath("raw", this.mailbox.address, message._id)}`, `${message._id}.eml`),
      ),
      button([icon("copy"), "curl"], (event) => copy(this.#curl(), event.currentTarget), {
        class: "quiet",
        title: "Copy the call that fetches what is shown",
        "aria-label": "Copy as curl",
      }),
    );
    this.useful = h("div", { class: "useful" }, this.#codes(), this.#link());
    this.preview = h("div", { class: "preview", hidden: true });
    const head = h(
      "header",
      { class: "head" },
      h("h2", {}, h("a", { href: path, class: "plain" }, message.subject || "(no subject)")),
      h(
        "div",
        { class: "from" },
        people(message.from),
        h("span", { class: "spacer" }),
        time(message.received, absolute),
      ),
      facts(message),
      this.labelChips,
      this.useful,
      this.preview,
    );
    this.panel = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
    this.tabs = TABS.map((name) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${name}`,
          "aria-controls": "panel",
          on: { click: () => this.#open(name) },
        },
        name,
        h("span", { class: "number" }),
      ),
    );
    const tabs = h(
      "div",
      {
        class: "tabs",
        role: "tablist",
        "aria-label": "Views of the message",
        on: { keydown: (event) => this.#arrows(event) },
      },
      this.tabs,
    );
    this.#number("Links", message.linkDetails?.length ?? message.links.length);
    this.replaceChildren(tools, head, tabs, this.panel);
    this.#marks();
    this.#open(this.#tab);
  }

  #marks() {
    const { message } = this;
    this.starButton.setAttribute("aria-pressed", String(Boolean(message.savedBy)));
    this.folderSelect.value = message.folder;
    this.labelChips.replaceChildren(
      ...message.labels.map((label) =>
        h(
          "span",
          { class: "chip" },
          label,
          iconButton("close", `Take off the label ${label}`, () => this.actions.label(message._id, label, false), {
            class: "quiet icon small",
          }),
        ),
      ),
    );
  }

  #number(tab, number) {
    this.tabs[TABS.indexOf(tab)].querySelector(".number").textContent = number ? count(number) : "";
  }

  #codes() {
    return (this.message.codes ?? []).slice(0, 3).map(({ value, context }) =>
      button([value, icon("copy")], (event) => copy(value, event.currentTarget), {
        class: "chip code",
        title: context,
        "aria-label": `Copy the code ${value}`,
      }),
    );
  }

  #link() {
    const link = primaryLink(this.message);
    if (!link) return null;
    const words = { verify: "Verify", reset: "Reset", magic: "Sign in", invite: "Accept" }[link.kind];
    return h(
      "span",
      { class: "main-link" },
      h(
        "a",
        { class: "button primary", href: link.value, target: "_blank", rel: "noopener noreferrer", title: link.value },
        `${words} at ${host(link.value)}`,
      ),
      copyButton(link.value, "Copy the link"),
    );
  }

  #showAttachments(attachments) {
    const url = (each) => `${messagePath(this.mailbox.address, this.message._id)}/attachments/${each.checksum}`;
    for (const each of attachments.slice(0, MAX_CHIPS)) {
      const name = each.fileName || each.contentType;
      this.useful.append(
        button(
          [icon("clip"), h("span", { class: "name" }, name), h("small", {}, octets(each.length))],
          () => (IMAGES.test(each.contentType) ? this.#look(url(each), each, name) : this.#download(url(each), name)),
          { class: "chip attachment", title: IMAGES.test(each.contentType) ? `Look at ${name}` : `Download ${name}` },
        ),
      );
    }
    this.attachments = attachments;
  }

  async #look(url, attachment, name) {
    if (this.preview.dataset.of === attachment.checksum) return this.#hidePreview();
    const blob = await (await ask(url)).blob().catch(failed);
    if (!blob) return;
    const source = URL.createObjectURL(blob);
    this.#urls.push(source);
    this.preview.dataset.of = attachment.checksum;
    this.preview.hidden = false;
    this.preview.replaceChildren(
      h("img", { src: source, alt: name }),
      h(
        "div",
        {},
        button("Download", () => this.#download(url, name)),
        button("Close", () => this.#hidePreview()),
      ),
    );
  }

  #hidePreview() {
    this.preview.hidden = true;
    delete this.preview.dataset.of;
  }

  async #download(path, name) {
    try {
      const url = URL.createObjectURL(await (await ask(path)).blob());
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch (error) {
      failed(error);
    }
  }

  #arrows(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = this.tabs[(TABS.indexOf(this.#tab) + step + TABS.length) % TABS.length];
    next.focus();
    next.click();
  }

  // --- The tabs ---

  async #open(name) {
    this.#tab = name;
    for (const tab of this.tabs) {
      const isOpen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    const id = this.message._id;
    let content;
    try {
      content = await this[`view${name}`]();
    } catch (error) {
      content = [h("p", { class: "nothing error" }, error.message)];
    }
    if (this.message?._id !== id || this.#tab !== name) return;
    this.panel.dataset.tab = name; // of what is shown: until now that was the tab before
    this.panel.replaceChildren(...content);
  }

  viewRendered() {
    return rendered(this.mailbox.address, this.message._id, this.#choices);
  }

  async viewText() {
    const text = await head(await ask(bodyPath("text", this.mailbox.address, this.message._id)));
    return [h("pre", { class: "text wrapped" }, text || "(no text)")];
  }

  async viewSource() {
    return searchable(await head(await ask(bodyPath("raw", this.mailbox.address, this.message._id))));
  }

  async viewHeaders() {
    const fields = await get(`${messagePath(this.mailbox.address, this.message._id)}/headers?format=json-ordered`);
    this.#number("Headers", fields.length);
    const list = h(
      "dl",
      { class: "fields mono" },
      fields.map(({ name, value }) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    const filter = h("input", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Filter the header fields",
      on: {
        input: () => {
          const wanted = filter.value.toLowerCase();
          for (const name of list.querySelectorAll("dt")) {
            const value = name.nextElementSibling;
            name.hidden = value.hidden = !`${name.textContent}: ${value.textContent}`.toLowerCase().includes(wanted);
          }
        },
      },
    });
    const text = () => fields.map(({ name, value }) => `${name}: ${value}`).join("\n");
    return [
      h(
        "div",
        { class: "options" },
        filter,
        wrapping(list),
        h("span", { class: "spacer" }),
        copyButton(text, "Copy all"),
      ),
      list,
    ];
  }

  async viewParts() {
    if (this.message.size > MAX_TREE) {
      return [h("p", { class: "nothing muted" }, `A message of more than ${octets(MAX_TREE)} is to be downloaded.`)];
    }
    const raw = new Uint8Array(
      await (await ask(`${bodyPath("raw", this.mailbox.address, this.message._id)}?original=1`)).arrayBuffer(),
    );
    const root = partsOf(raw);
    const { view, number } = partTree(root, (part) => {
      const url = URL.createObjectURL(new Blob([part.content()], { type: "application/octet-stream" }));
      h("a", { href: url, download: part.name || `part-${part.path}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    });
    this.#number("Parts", number);
    return view;
  }

  async viewLinks() {
    const links =
      this.message.linkDetails ?? this.message.links.map((value) => ({ value, kind: "other", context: "" }));
    if (!links.length) return [h("p", { class: "nothing muted" }, "No links.")];
    return [
      h(
        "ul",
        { class: "links" },
        links.map(({ value, kind, context }) =>
          h(
            "li",
            {},
            h("span", { class: kind === "other" ? "chip" : "chip kind" }, kind),
            h(
              "span",
              { class: "target" },
              h(
                "a",
                {
                  href: /^(https?|mailto):/i.test(value) && value,
                  target: "_blank",
                  rel: "noopener noreferrer",
                  class: "mono",
                },
                value,
              ),
              context && h("small", {}, context),
            ),
            copyButton(value, "Copy the link"),
          ),
        ),
      ),
    ];
  }

  #curl() {
    const { address } = this.mailbox,
      id = this.message._id;
    const path = {
      Rendered: bodyPath("dirty", address, id),
      Text: bodyPath("text", address, id),
      Source: bodyPath("raw", address, id),
      Headers: `${messagePath(address, id)}/headers`,
      Parts: `${messagePath(address, id)}/attachments`,
      Links: `${messagePath(address, id)}/links`,
    }[this.#tab];
    return `curl ${key.get() ? '-H "Mailsac-Key: $MAILSAC_KEY" ' : ""}'${location.origin}${path}'`;
  }
}

function host(url) {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

function people(list) {
  if (!list.length) return h("span", { class: "muted" }, "no sender");
  return list.map((one) =>
    h(
      "span",
      { class: "person", title: one.address },
      h("b", {}, person(one)),
      one.name && h("span", { class: "muted" }, ` <${one.address}>`),
    ),
  );
}

function facts(message) {
  const list = (recipients) => {
    const rest = recipients.length - MAX_NAMED;
    const named = recipients.slice(0, MAX_NAMED).map((one) => one.address);
    return named.join(", ") + (rest > 0 ? ` and ${count(rest)} more` : "");
  };
  const entries = [
    ["to", list(message.to) || message.originalInbox],
    ["cc", list(message.cc)],
    ["bcc", list(message.bcc)],
    ["for", message.originalInbox === list(message.to) ? "" : message.originalInbox],
    ["size", octets(message.size)],
    ["TLS", message.rtls ? "yes" : "no"],
    ["IP", message.ip],
  ];
  return h(
    "dl",
    { class: "facts" },
    entries.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    h(
      "div",
      {},
      h("dt", {}, "id"),
      h(
        "dd",
        {},
        button(message._id, (event) => copy(message._id, event.currentTarget), {
          class: "plain mono",
          title: "Copy the id",
          "aria-label": `Copy the id ${message._id}`,
        }),
      ),
    ),
  );
}

customElements.define("mail-message", MailMessage);
