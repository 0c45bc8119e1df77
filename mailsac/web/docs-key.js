// The reader's API key: kept until the tab is closed, and sent to this server alone.

const NAME = "mailsac.key";

export const key = {
  get: () => sessionStorage.getItem(NAME) ?? "",
  set(value) {
    if (value) sessionStorage.setItem(NAME, value);
    else sessionStorage.removeItem(NAME);
  },
};

/** Ask this server, with the key of the reader. */
export function ask(target, options = {}) {
  const headers = { ...options.headers };
  if (key.get()) headers["Mailsac-Key"] = key.get();
  return fetch(target, { ...options, headers, cache: "no-store" });
}
