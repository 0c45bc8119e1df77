// Settings: forms of one shape. A table, "Add" at its head, a panel to edit, and the same change as a call and a command.

import { ask, askForKey, get, mailboxPath, place, post } from "./inbox-api.js";
import { button, copyButton, failed, h, octets, time, toast } from "./inbox-dom.js";

const ADMIN = "/api/admin";
const TEST_POLLS = 20; // of the log of a webhook, half a second apart

const yes = (value) => (value ? "yes" : "");
const quoted = (text) => (/^[\w@.:/-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);
const option = (name, value) => (value ? ` --${name} ${quoted(value)}` : "");

/** What a section is: its rows, how they are shown, and the request of each change. `values` are those of the form; a
 * request has `method`, `path`, `body`, and `command`, where the command line does the same. */
const SECTIONS = {
  addresses: {
    title: "Private addresses",
    one: "address",
    about:
      "A private address is yours alone, and may tell others of its mail. Any other address takes mail too, without any of this.",
    list: () => get("/api/addresses"),
    id: (row) => row._id,
    columns: {
      Address: (row) => h("a", { href: `/inbox/${place(row._id)}` }, row._id),
      Note: (row) => row.info,
      "Told of its mail": told,
    },
    fields: [
      { name: "address", label: "Address", type: "email", isNew: true },
      { name: "info", label: "Note" },
      { name: "webhook", label: "Webhook", type: "url", hint: "is sent each message as JSON" },
      { name: "webhookSlack", label: "Slack, or what speaks like it", type: "url" },
      { name: "forward", label: "Forward to", type: "email" },
      { name: "enablews", label: "Publish by web socket", type: "checkbox" },
    ],
    add: ({ address, ...body }) => ({ method: "POST", path: mailboxPath(address || "bob@example.com"), body }),
    edit: (row, body) => ({ method: "PUT", path: mailboxPath(row._id), body }),
    remove: (row) => ({
      method: "DELETE",
      path: mailboxPath(row._id),
      question: "It becomes public, and what is in it.",
    }),
    extra: webhookTest,
  },
  accounts: {
    title: "Accounts and keys",
    one: "account",
    isAdmin: true,
    about: "An account has keys, addresses and domains. What a key opens is the mail of its account.",
    list: () => get(`${ADMIN}/accounts`),
    id: (row) => row.id,
    columns: {
      Account: (row) => row.id,
      "E-mail": (row) => row.email,
      Keys: (row) => row.keys,
      Addresses: (row) => row.addresses,
      Domains: (row) => row.domains,
      "Calls this month": (row) => row.operations,
    },
    fields: [
      { name: "id", label: "Account", isNew: true },
      { name: "email", label: "E-mail", type: "email" },
      {
        name: "capturePrivate",
        label: "Star what it sends in, so that nobody else sees it",
        type: "checkbox",
        isLater: true,
      },
    ],
    add: ({ id, email }) => ({
      method: "POST",
      path: `${ADMIN}/accounts`,
      body: { id, email },
      command: `accounts create ${quoted(id || "ann")}${option("email", email)}`,
    }),
    edit: (row, body) => ({
      method: "PUT",
      path: `${ADMIN}/accounts/${place(row.id)}`,
      body,
      command: `accounts set ${quoted(row.id)}${option("email", body.email)} --${body.capturePrivate ? "" : "no-"}capture-private`,
    }),
    remove: (row) => ({
      method: "DELETE",
      path: `${ADMIN}/accounts/${place(row.id)}`,
      command: `accounts remove ${quoted(row.id)}`,
      question: "Its keys end, and its addresses become public.",
    }),
    extra: keysOf,
  },
  domains: {
    title: "Domains",
    one: "domain",
    isAdmin: true,
    about: "Every mailbox of a domain is its account's.",
    list: () => get(`${ADMIN}/domains`),
    id: (row) => row.domain,
    columns: {
      Domain: (row) => row.domain,
      Account: (row) => row.owner,
      Private: (row) => yes(row.isPrivate),
      "Catch-all": (row) => yes(row.catchAll),
      "Web socket": (row) => yes(row.enablews),
      Default: (row) => yes(row.isDefault),
    },
    fields: [
      { name: "domain", label: "Domain", isNew: true },
      { name: "owner", label: "Account", isNew: true },
      { name: "isPrivate", label: "Only its account may read its mail", type: "checkbox", value: true },
      { name: "catchAll", label: "File mail to unreserved addresses in one mailbox", type: "checkbox", isLater: true },
      { name: "enablews", label: "Publish by web socket", type: "checkbox", isLater: true },
      { name: "isDefault", label: "The domain that is offered first", type: "checkbox", isLater: true },
    ],
    add: ({ domain, owner, isPrivate }) => ({
      method: "POST",
      path: `${ADMIN}/domains`,
      body: { domain, owner, isPrivate },
      command: `domains create ${quoted(domain || "example.com")}${option("owner", owner)}`,
    }),
    edit: (row, body) => ({
      method: "PUT",
      path: `${ADMIN}/domains/${place(row.domain)}`,
      body,
      command: `domains set ${row.domain} --${body.isPrivate ? "private" : "public"} --${body.catchAll ? "" : "no-"}catch-all --${body.enablews ? "" : "no-"}enablews --${body.isDefault ? "" : "no-"}default`,
    }),
    remove: (row) => ({
      method: "DELETE",
      path: `${ADMIN}/domains/${place(row.domain)}`,
      command: `domains remove ${row.domain}`,
      question: "Its mailboxes become public.",
    }),
  },
  block: {
    title: "Block list",
    one: "entry",
    isAdmin: true,
    about: "Who is refused, by SMTP, POP3 and HTTP: an IP address, a network or a domain.",
    list: () => get(`${ADMIN}/block?limit=1000`),
    id: (row) => row.network,
    columns: {
      Refused: (row) => h("code", {}, row.network),
      Until: (row) => (row.until ? time(row.until) : "for good"),
      Since: (row) => row.added && time(row.added),
      Why: (row) => row.reason,
      "": (row) => row.exempt && "exempt: without effect",
    },
    fields: [
      { name: "network", label: "IP address, network or domain", isNew: true },
      { name: "for", label: "For", isNew: true, isOptional: true, hint: "such as 30m, 2h or 7d; empty is for good" },
      { name: "reason", label: "Why", isNew: true, isOptional: true },
    ],
    add: (body) => ({
      method: "POST",
      path: `${ADMIN}/block`,
      body,
      command: `block add ${quoted(body.network || "203.0.113.0/24")}${option("for", body.for)}${option("reason", body.reason)}`,
    }),
    remove: (row) => ({
      method: "DELETE",
      path: `${ADMIN}/block?network=${encodeURIComponent(row.network)}`,
      command: `block remove ${quoted(row.network)}`,
      question: "Who is there may come in again.",
    }),
  },
  activity: {
    title: "Recent activity",
    isAdmin: true,
    about: "What came in the last quarter of an hour, and the requests to webhooks.",
    list: () => get(`${ADMIN}/activity?limit=200`),
    id: (row) => `${row.at} ${row.messageId} ${row.event}`,
    columns: {
      When: (row) => time(row.at),
      What: (row) => row.event,
      Mailbox: (row) => h("a", { href: `/inbox/${place(row.mailbox)}/${row.messageId}` }, row.mailbox),
      Result: (row) =>
        [row.size == null ? "" : octets(row.size), row.status, row.error, row.ms == null ? "" : `${row.ms} ms`]
          .filter(Boolean)
          .join(" · "),
    },
  },
};

function told(row) {
  return [
    row.webhook && (row.webhookDisabled ? "webhook (switched off)" : "webhook"),
    row.webhookSlack && "Slack",
    row.forward,
    row.enablews && "web socket",
  ]
    .filter(Boolean)
    .join(", ");
}

export class MailSettings extends HTMLElement {
  #name;

  connectedCallback() {
    this.nav = h("nav", { class: "rail", "aria-label": "Settings" });
    this.pane = h("section", { class: "pane" });
    this.side = h("aside", { class: "side", "aria-label": "Edit", hidden: true });
    this.replaceChildren(this.nav, this.pane, this.side);
    this.#open();
    addEventListener("hashchange", this.#open);
  }

  disconnectedCallback() {
    removeEventListener("hashchange", this.#open);
  }

  #open = () => {
    this.#name = SECTIONS[location.hash.slice(1)] ? location.hash.slice(1) : "addresses";
    document.title = `${SECTIONS[this.#name].title} · mailsac`;
    const entry = ([name, { title }]) =>
      h("li", {}, h("a", { href: `#${name}`, "aria-current": name === this.#name && "page" }, title));
    const [own, admin] = [false, true].map((isAdmin) =>
      Object.entries(SECTIONS).filter(([, each]) => Boolean(each.isAdmin) === isAdmin),
    );
    this.nav.replaceChildren(
      h("h2", { class: "unseen" }, "Settings"),
      h("ul", {}, own.map(entry)),
      h("h3", {}, "For administrators"),
      h("ul", {}, admin.map(entry)),
    );
    this.#close();
    this.pane.replaceChildren();
    this.#load();
  };

  #close() {
    this.side.hidden = true;
    this.side.replaceChildren();
  }

  async #load() {
    const name = this.#name,
      section = SECTIONS[name];
    let rows;
    try {
      rows = await section.list();
    } catch (error) {
      if (name === this.#name) this.#refused(section, error);
      return;
    }
    if (name !== this.#name) return;
    const heads = Object.keys(section.columns);
    const cells = (row) => Object.values(section.columns).map((show) => h("td", {}, show(row) ?? ""));
    const actions = (row) =>
      h(
        "td",
        { class: "actions" },
        section.edit && button("Edit", () => this.#edit(section, row), { "aria-label": `Edit ${section.id(row)}` }),
        section.remove &&
          button("Remove", () => this.#remove(section, row), {
            class: "danger",
            "aria-label": `Remove ${section.id(row)}`,
          }),
      );
    this.pane.replaceChildren(
      h(
        "div",
        { class: "heading" },
        h("h1", {}, section.title),
        h("span", { class: "spacer" }),
        section.add && button("Add", () => this.#edit(section, null), { class: "primary" }),
      ),
      h("p", { class: "muted" }, section.about),
      rows.length
        ? h(
            "div",
            { class: "wide", tabindex: "0", role: "region", "aria-label": section.title },
            h(
              "table",
              {},
              h(
                "thead",
                {},
                h(
                  "tr",
                  {},
                  heads.map((text) => h("th", { scope: "col" }, text || h("span", { class: "unseen" }, "Remarks"))),
                  section.remove && h("th", {}, h("span", { class: "unseen" }, "Actions")),
                ),
              ),
              h(
                "tbody",
                {},
                rows.map((row) => h("tr", {}, cells(row), section.remove && actions(row))),
              ),
            ),
          )
        : h("p", { class: "nothing muted" }, "None yet."),
    );
  }

  #refused(section, error) {
    const needsAdmin = section.isAdmin && [401, 403].includes(error.status);
    this.pane.replaceChildren(
      h("h1", {}, section.title),
      h(
        "p",
        { class: needsAdmin ? "muted" : "error" },
        needsAdmin
          ? "This needs the key of an administrator, in open mode too: mailsac keys create ACCOUNT --admin"
          : error.message,
      ),
      button(needsAdmin ? "Use such a key" : "Try again", async () => {
        if (needsAdmin) await askForKey(false);
        this.#load();
      }),
    );
  }

  #edit(section, row) {
    const fields = section.fields.filter((field) => (row ? !field.isNew : !field.isLater));
    const inputs = new Map(fields.map((field) => [field, input(field, row)]));
    const values = () =>
      Object.fromEntries(
        [...inputs].map(([{ name }, element]) => [
          name,
          element.type === "checkbox" ? element.checked : element.value.trim(),
        ]),
      );
    const request = () => (row ? section.edit(row, values()) : section.add(values()));
    const same = teaching(request);
    const problem = h("p", { class: "error", role: "alert" });
    const save = async (event) => {
      event.preventDefault();
      problem.textContent = "";
      try {
        const { method, path, body } = request();
        await ask(path, { method, body });
        toast(row ? "Saved." : "Added.", { ms: 3000 });
        if (!section.extra || !row) this.#close();
        await this.#load();
      } catch (error) {
        problem.textContent = error.message;
      }
    };
    this.side.hidden = false;
    this.side.replaceChildren(
      h(
        "div",
        { class: "heading" },
        h("h2", {}, row ? section.id(row) : `A new ${section.one}`),
        h("span", { class: "spacer" }),
        button("Close", () => this.#close()),
      ),
      h(
        "form",
        { on: { submit: save, input: () => same.show() } },
        [...inputs].map(([field, element]) =>
          h(
            "label",
            { class: field.type === "checkbox" ? "" : "field" },
            field.type === "checkbox"
              ? [element, field.label]
              : [field.label, element, field.hint && h("small", {}, field.hint)],
          ),
        ),
        problem,
        h("button", { class: "primary" }, row ? "Save" : "Add"),
      ),
      row && section.extra ? section.extra(row, () => this.#load()) : "",
      same.element,
    );
    this.side.querySelector("input").focus();
  }

  #remove(section, row) {
    confirmed(`Remove ${section.id(row)}?`, section.remove(row), () => {
      this.#close();
      this.#load();
    });
  }
}

/** Ask, then do it, then `done()`. */
function confirmed(title, request, done) {
  const dialog = h(
    "dialog",
    { class: "menu", "aria-labelledby": "confirm-title", on: { close: () => dialog.remove() } },
    h("h2", { id: "confirm-title" }, title),
    h("p", { class: "muted" }, request.question),
    teaching(() => request).element,
    h(
      "div",
      { class: "answers" },
      button("Cancel", () => dialog.close(), { autofocus: true }),
      button(
        "Go on",
        async () => {
          dialog.close();
          await ask(request.path, { method: request.method }).then(done, failed);
        },
        { class: "danger" },
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function input(field, row) {
  const element = h("input", {
    type: field.type ?? "text",
    name: field.name,
    required: Boolean(field.isNew && !field.isOptional),
    autocomplete: "off",
  });
  const value = row ? row[field.name] : field.value;
  if (field.type === "checkbox") element.checked = Boolean(value);
  else element.value = value ?? "";
  return element;
}

/** The same change for a terminal. `show()` writes it anew. */
function teaching(request) {
  const text = h("pre", { class: "wrapped", tabindex: "0" });
  const show = () => {
    const { method, path, body, command } = request();
    const call = `curl -X ${method} -H "Mailsac-Key: $MAILSAC_KEY" ${body ? `--json ${quoted(JSON.stringify(body))} ` : ""}${quoted(location.origin + path)}`;
    text.textContent = command ? `${call}\n\nmailsac ${command}` : call;
  };
  show();
  return {
    show,
    element: h(
      "div",
      { class: "teaching" },
      h("h3", {}, "The same by hand"),
      h(
        "div",
        { class: "snippet" },
        text,
        copyButton(() => text.textContent),
      ),
    ),
  };
}

/** A mail to the address, and what its webhook answered. */
function webhookTest(row) {
  const log = h("div", { role: "status" });
  const show = (jobs) =>
    log.replaceChildren(
      ...jobs.map((job) => {
        const last = job.attempts.at(-1);
        return h(
          "p",
          { class: "muted" },
          time(job.queued),
          ` ${job.kind}: ${job.state}${last ? `, ${last.status ?? last.error}` : ""}`,
        );
      }),
    );
  const path = `${mailboxPath(row._id)}/webhook-log?limit=5`;
  const test = async () => {
    log.replaceChildren(h("p", { class: "muted" }, "A mail is on its way…"));
    try {
      const { _id } = await (
        await post(`${mailboxPath(row._id)}/messages`, {
          from: "test@mailsac.test",
          subject: "A test of the webhook",
          text: "Your code is 482913",
        })
      ).json();
      for (let poll = 0; poll < TEST_POLLS; poll++) {
        const jobs = await get(path);
        show(jobs);
        if (jobs.some((job) => job.messageId === _id && job.attempts.length)) return;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      if (!log.childElementCount) log.textContent = "The mail is there. Nobody was told of it.";
    } catch (error) {
      failed(error);
    }
  };
  get(path)
    .then(show)
    .catch(() => {});
  return h("div", { class: "extra" }, h("h3", {}, "Webhook"), button("Send a test mail", test), log);
}

/** The keys of an account. A new one is shown once. */
function keysOf(account, reload) {
  const path = `${ADMIN}/accounts/${place(account.id)}/keys`;
  const list = h("ul", { class: "keys" });
  const made = h("div", { role: "status" });
  const name = h("input", { type: "text", placeholder: "what it is for", "aria-label": "What the key is for" });
  const admin = h("input", { type: "checkbox" });
  const draw = async () => {
    const keys = await get(path);
    list.replaceChildren(
      ...keys.map((key) =>
        h(
          "li",
          {},
          h("code", {}, `${key.id}…`),
          h("span", {}, key.name),
          key.admin ? h("span", { class: "chip" }, "admin") : "",
          h("span", { class: "spacer" }),
          button(
            "Revoke",
            () =>
              confirmed(
                `Revoke ${key.id}…?`,
                {
                  method: "DELETE",
                  path: `${ADMIN}/keys/${place(key.id)}`,
                  command: `keys revoke ${key.id}`,
                  question: "Whoever uses it is refused from now on.",
                },
                draw,
              ),
            { class: "danger", "aria-label": `Revoke the key ${key.id}` },
          ),
        ),
      ),
    );
  };
  const make = async (event) => {
    event.preventDefault();
    try {
      const { key } = await (await post(path, { name: name.value, admin: admin.checked })).json();
      made.replaceChildren(
        h("p", {}, "The key, shown this once: ", h("code", {}, key), " ", copyButton(key, "Copy the key")),
      );
      name.value = "";
      await draw();
      reload();
    } catch (error) {
      failed(error);
    }
  };
  draw().catch(failed);
  return h(
    "div",
    { class: "extra" },
    h("h3", {}, "Keys"),
    list,
    made,
    h(
      "form",
      { class: "row-form", on: { submit: make } },
      name,
      h("label", {}, admin, "admin"),
      h("button", {}, "Make a key"),
    ),
  );
}

customElements.define("mail-settings", MailSettings);
