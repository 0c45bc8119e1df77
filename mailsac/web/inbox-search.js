// The field of the search: with the operators as hints, and what was searched for last, which this browser keeps.

import { button, h } from "./inbox-dom.js";

const SEARCHES = "mailsac.searches";
const MAX_SEARCHES = 10;
const OPERATORS = [
  ["is:unread", "not read yet"],
  ["has:code", "with a one-time code"],
  ["has:attachment", "with a file"],
  ["has:link", "with a link"],
  ["from:", "words of the sender"],
  ["subject:", "words of the subject"],
  ["filename:", "words of a file name"],
  ["label:", "that label"],
  ["after:2d", "of the last two days"],
  ["larger:1M", "more than 1 MB"],
  ["header:", "a header field"],
  ["-", "what does not match"],
];

/** `go(view)` shows what is found; `view` is that of now. */
export function searchField(view, go) {
  const field = h("input", {
    type: "search",
    class: "search",
    value: view.q ?? "",
    placeholder: view.folder ? `Search in ${view.folder}` : view.label ? `Search in ${view.label}` : "Search",
    "aria-label": "Search",
    "aria-expanded": "false",
    "aria-controls": "hints",
    role: "combobox",
    autocomplete: "off",
  });
  const hints = h("div", { class: "menu hints", id: "hints", hidden: true });
  const open = (isOpen) => {
    if (isOpen) draw();
    hints.hidden = !isOpen;
    field.setAttribute("aria-expanded", String(isOpen));
  };
  const search = (text) => {
    open(false);
    remember(text.trim());
    const { q, ...rest } = view;
    go(text.trim() ? { ...rest, q: text.trim() } : rest);
  };
  const draw = () => {
    const last = searches();
    hints.replaceChildren(
      h(
        "div",
        { class: "operators" },
        OPERATORS.map(([operator, meaning]) =>
          button(
            [h("code", {}, operator), h("span", { class: "muted" }, meaning)],
            () => {
              field.value = `${field.value.trim()} ${operator}`.trimStart();
              field.focus();
            },
            { class: "quiet" },
          ),
        ),
      ),
      h(
        "div",
        { class: "last", hidden: !last.length },
        h("small", {}, "Last searches"),
        last.map((text) => button(text, () => search(text), { class: "quiet" })),
      ),
    );
  };
  const form = h(
    "form",
    {
      class: "search-form",
      role: "search",
      on: {
        submit: (event) => {
          event.preventDefault();
          search(field.value);
        },
        focusout: (event) => form.contains(event.relatedTarget) || open(false),
        focusin: (event) => event.target === field && open(true),
        keydown: (event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          if (hints.hidden && field.value) search("");
          else open(false);
          field.blur();
        },
        mousedown: (event) => event.target.closest(".hints") && event.preventDefault(),
      },
    },
    field,
    hints,
  );
  field.addEventListener("search", () => field.value || !view.q || search(""));
  return form;
}

function searches() {
  try {
    return JSON.parse(localStorage.getItem(SEARCHES) ?? "[]").filter((text) => typeof text === "string");
  } catch {
    return [];
  }
}

function remember(text) {
  if (!text) return;
  localStorage.setItem(
    SEARCHES,
    JSON.stringify([text, ...searches().filter((other) => other !== text)].slice(0, MAX_SEARCHES)),
  );
}
