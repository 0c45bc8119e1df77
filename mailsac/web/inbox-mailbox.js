// One mailbox as this page knows it: the rows that were loaded, newest first, kept up to date.

import { Stream, ask, bodyPath, get, mailboxPath, messagePath, put, remove } from "./inbox-api.js";

const FIRST = 50; // rows, for a quick first sight
const PAGE = 500;
const AT_ONCE = 4; // requests about rows that are in sight
const PREVIEW_CHARS = 200;
const READ_CHARS = 4000; // of which the first words are taken
export const UNDO_MS = 8000;
const HIDDEN_MS = 30_000; // then the connection is let go: a browser has six for one host, over all of its tabs
const POLL_MS = 15_000; // in a tab that is hidden, for its title
const NOT_IN_INBOX = new Set(["spam", "trash"]);

const gone = new Set(); // ids of what was deleted here, or is about to be, in any view

/** `view` is {} for the inbox, or has one of `folder`, `label`, `q` (a query in the language of the search). */
export class Mailbox extends EventTarget {
  rows = [];
  hasMore = false;
  isLoading = true;
  isIndexing = false;
  state = "waiting";
  selected = new Set();
  #byId = new Map();
  #details = new Map();
  #wanted = [];
  #asking = 0;
  #cursor;
  #stream;
  #timers = new Set();

  constructor(address, view) {
    super();
    this.address = address.toLowerCase();
    this.view = view;
  }

  get isSearch() {
    return Boolean(this.view.folder || this.view.label || this.view.q);
  }

  get unread() {
    return this.rows.reduce((sum, row) => sum + (row.read ? 0 : 1), 0);
  }

  row(id) {
    return this.#byId.get(id);
  }

  /** Load the first rows and listen from then on. Throws Refused. */
  async open() {
    this.#stream = new Stream(this.address, {
      message: (row) => this.#arrived(row),
      deleted: ({ _id }) => this.#forget([_id]),
      refused: (refusal) => this.dispatchEvent(new CustomEvent("refused", { detail: refusal })),
      opened: () => this.refresh().catch(() => {}),
      state: (state, seconds) => {
        this.state = state;
        this.dispatchEvent(new CustomEvent("state", { detail: { state, seconds } }));
      },
    });
    document.addEventListener("visibilitychange", this.#visibility);
    addEventListener("pagehide", this.#pause); // a page that a browser keeps for later keeps its connections, too
    addEventListener("pageshow", this.#visibility);
    try {
      await this.#load(FIRST);
    } finally {
      this.isLoading = false;
      this.#changed();
    }
  }

  close() {
    this.#stream?.close();
    document.removeEventListener("visibilitychange", this.#visibility);
    removeEventListener("pagehide", this.#pause);
    removeEventListener("pageshow", this.#visibility);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #pause = () => this.#stream.pause();

  #visibility = () => {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    if (document.hidden) {
      this.#timers.add(setTimeout(this.#pause, HIDDEN_MS));
      this.#timers.add(setInterval(() => this.refresh().catch(() => {}), POLL_MS));
    } else this.#stream.resume();
  };

  async #load(limit) {
    const { rows, next } = await this.#page(limit);
    this.#cursor = next;
    this.hasMore = Boolean(next);
    this.#add(rows);
  }

  async #page(limit, from) {
    if (this.isSearch) {
      const query = new URLSearchParams({ query: this.#query(), limit });
      if (from) query.set("cursor", from);
      const page = await get(`/api/search?${query}`);
      this.isIndexing = Boolean(page.indexing);
      // A word of the search language may be in another address, too.
      return { rows: page.messages.filter((row) => this.#isHere(row)), next: page.next };
    }
    const query = new URLSearchParams({ limit });
    if (from) query.set("until", from);
    const rows = await get(`${mailboxPath(this.address)}/messages?${query}`);
    const last = rows.at(-1)?.received;
    return { rows, next: rows.length === limit && last !== from ? last : undefined };
  }

  #query() {
    const { folder, label, q } = this.view;
    const quoted = (text) => `"${text.replaceAll('"', " ")}"`;
    return [`to:${quoted(this.address)}`, folder && `folder:${folder}`, label && `label:${quoted(label)}`, q]
      .filter(Boolean)
      .join(" ");
  }

  #isHere(row) {
    const [local, domain] = this.address.split("@");
    const own = `${local.split("+")[0]}@${domain}`;
    return row.inbox === own && (!local.includes("+") || row.originalInbox === this.address);
  }

  #isShown(row) {
    return !gone.has(row._id) && (this.isSearch || !NOT_IN_INBOX.has(row.folder));
  }

  #loadingMore = null;

  /** The next page, where there is more. */
  more() {
    if (!this.hasMore) return Promise.resolve();
    this.#loadingMore ??= this.#page(PAGE, this.#cursor)
      .then(({ rows, next }) => {
        this.#cursor = next;
        this.hasMore = Boolean(next);
        this.#add(rows);
      })
      .finally(() => (this.#loadingMore = null));
    return this.#loadingMore;
  }

  /** What is there now, at the top: for what was missed, and what is gone. */
  async refresh() {
    const { rows } = await this.#page(FIRST);
    const there = new Set(rows.map((row) => row._id));
    const oldest = rows.length < FIRST ? "" : rows.at(-1).received;
    this.#forget(this.rows.filter((row) => row.received > oldest && !there.has(row._id)).map((row) => row._id));
    this.#add(rows);
  }

  #again = 0;

  #arrived(row) {
    if (!this.isSearch) return this.#add([row], true);
    clearTimeout(this.#again); // whether it matches is for the server to say
    this.#again = setTimeout(() => this.refresh().catch(() => {}), 400);
  }

  #add(rows, isNew = false) {
    let added = 0;
    for (const row of rows) {
      const known = this.#byId.get(row._id);
      if (known) {
        Object.assign(known, row);
      } else if (this.#isShown(row)) {
        this.#byId.set(row._id, row);
        const before =
          this.rows.length && this.rows.at(-1).received >= row.received
            ? -1
            : this.rows.findIndex(
                (other) => other.received < row.received || (other.received === row.received && other._id < row._id),
              );
        if (before < 0) this.rows.push(row);
        else this.rows.splice(before, 0, row);
        added++;
      }
    }
    if (isNew && added) this.dispatchEvent(new CustomEvent("arrived", { detail: rows }));
    this.#changed();
  }

  #forget(ids) {
    const forgotten = new Set(ids.filter((id) => this.#byId.delete(id)));
    if (!forgotten.size) return;
    for (const id of forgotten) this.selected.delete(id);
    this.rows = this.rows.filter((row) => !forgotten.has(row._id));
    this.dispatchEvent(new CustomEvent("gone", { detail: forgotten }));
    this.#changed();
  }

  #isChanged = false;

  /** Said once for all that changed before the next frame; in a tab that is hidden there are none. */
  #changed() {
    if (this.#isChanged) return;
    this.#isChanged = true;
    (document.hidden ? setTimeout : requestAnimationFrame)(() => {
      this.#isChanged = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  // --- What rows do not say: the first words, a code, a link; asked for what is in sight only ---

  details(id) {
    return this.#details.get(id) ?? {};
  }

  /** Ask for the details of these, and no more for what has left the sight before its turn came. */
  inSight(ids) {
    for (const id of this.#wanted) if (!ids.has(id)) this.#details.delete(id);
    this.#wanted = [...ids].filter((id) => !this.#details.has(id) || this.#wanted.includes(id));
    for (const id of this.#wanted) this.#details.set(id, {});
    this.#askNext();
  }

  #askNext() {
    while (this.#asking < AT_ONCE && this.#wanted.length) {
      const id = this.#wanted.shift();
      this.#asking++;
      this.#ask(id)
        .catch(() => {})
        .finally(() => {
          this.#asking--;
          this.#askNext();
        });
    }
  }

  async #ask(id) {
    const [message, words] = await Promise.all([get(messagePath(this.address, id)), this.#firstWords(id)]);
    this.#details.set(id, {
      words,
      code: message.codes?.[0]?.value,
      link: primaryLink(message),
    });
    this.dispatchEvent(new CustomEvent("details", { detail: id }));
  }

  async #firstWords(id) {
    const response = await ask(bodyPath("text", this.address, id));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let done = false, value; !done && text.length < READ_CHARS;) {
      ({ done, value } = await reader.read());
      text += value ?? "";
    }
    reader.cancel();
    return text
      .slice(0, READ_CHARS)
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, PREVIEW_CHARS);
  }

  // --- Changes ---

  async #each(ids, request, change) {
    await Promise.all(
      ids.map(async (id) => {
        await request(messagePath(this.address, id));
        const row = this.#byId.get(id);
        if (row) Object.assign(row, change(row));
      }),
    );
    this.#changed();
  }

  setRead(ids, read) {
    return this.#each(
      ids.filter((id) => Boolean(this.row(id)?.read) !== read),
      (path) => put(`${path}/read/${read}`),
      () => ({ read }),
    );
  }

  /** It was opened, also where it is in no row, as with an id that somebody has sent. */
  async markRead(message) {
    if (message.read) return;
    await put(`${messagePath(this.address, message._id)}/read/true`);
    Object.assign(this.row(message._id) ?? {}, { read: true });
    this.#changed();
  }

  async star(id) {
    const row = await (await put(`${messagePath(this.address, id)}/star`)).json();
    Object.assign(this.#byId.get(id) ?? {}, { savedBy: row.savedBy });
    this.#changed();
    return row;
  }

  setLabel(ids, label, on) {
    return this.#each(
      ids,
      (path) => (on ? put : remove)(`${path}/labels/${encodeURIComponent(label)}`),
      (row) => ({ labels: on ? [...new Set([...row.labels, label])] : row.labels.filter((each) => each !== label) }),
    );
  }

  async move(ids, folder) {
    await this.#each(
      ids,
      (path) => put(`${path}/folder/${folder}`),
      () => ({ folder }),
    );
    const leave = this.isSearch ? this.view.folder && this.view.folder !== folder : NOT_IN_INBOX.has(folder);
    if (leave) this.#forget(ids);
  }

  /** Out of sight at once, and deleted in 8 s unless what is returned is called. `onError` hears why it was not. */
  delete(ids, onError) {
    const rows = ids.map((id) => this.row(id)).filter(Boolean);
    for (const id of ids) gone.add(id);
    this.#forget(ids);
    const restore = () => {
      for (const id of ids) gone.delete(id);
      this.#add(rows);
    };
    let isDone = false;
    const finish = () => {
      clearTimeout(timer);
      removeEventListener("pagehide", finish);
      if (isDone) return;
      isDone = true;
      Promise.all(
        ids.map((id) =>
          remove(messagePath(this.address, id), { keepalive: true }).catch((error) => {
            if (error.status !== 404) throw error; // somebody else was faster
          }),
        ),
      ).catch((error) => {
        restore();
        onError(error);
      });
    };
    const timer = setTimeout(finish, UNDO_MS);
    addEventListener("pagehide", finish);
    return () => {
      if (isDone) return;
      isDone = true;
      finish();
      restore();
    };
  }
}

const MEANT = ["verify", "reset", "magic", "invite"];

/** The link that the message is about. */
export function primaryLink(message) {
  return message.linkDetails
    ?.filter((link) => MEANT.includes(link.kind) && /^https?:/i.test(link.value))
    .sort((a, b) => b.confidence - a.confidence)[0];
}
