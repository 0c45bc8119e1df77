// The reader's API key: kept until the tab is closed, and sent to this server alone.

const NAME = "mailsac.key";

export const key = {
  get: () => sessionStorage.getItem(NAME) ?? "",
  set(value) {
    if (value) sessionStorage.setItem(NAME, value);
    else sessionStorage.removeItem(NAME);
  },
};

/** What a request says of it. */
export const keyHeaders = () => (key.get() ? { "Mailsac-Key": key.get() } : {});

/** Ask this server, with the key of the reader. */
export function ask(target, options = {}) {
  return fetch(target, { ...options, headers: { ...options.headers, ...keyHeaders() }, cache: "no-store" });
}
