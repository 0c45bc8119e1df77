// Controls of a message that stand for themselves: labels, finding and wrapping in a long text, sending on.

import { post } from "./inbox-api.js";
import { button, copyButton, count, h, iconButton, toast } from "./inbox-dom.js";

const MAX_FOUND = 10_000;

/** A tick that has the lines of the element wrapped, as they are at first. */
export function wrapping(element) {
  const tick = h("input", {
    type: "checkbox",
    on: { change: () => element.classList.toggle("wrapped", tick.checked) },
  });
  tick.checked = true;
  element.classList.add("wrapped");
  return h("label", {}, tick, "Wrap");
}

/** A long text that is looked through; what is found is painted, not marked up. */
export function searchable(text) {
  const pre = h("pre", { class: "text" }, text);
  const number = h("span", { class: "muted", role: "status" });
  let found = [];
  let at = -1;
  const go = (step) => {
    if (!found.length) return;
    at = (at + step + found.length) % found.length;
    CSS.highlights.set("found-now", new Highlight(found[at]));
    found[at].startContainer.parentElement.scrollIntoView({ block: "nearest" });
    const box = found[at].getBoundingClientRect();
    const panel = pre.closest(".panel");
    panel.scrollTop += box.top - panel.getBoundingClientRect().top - panel.clientHeight / 2;
    number.textContent = `${at + 1} of ${count(found.length)}`;
  };
  const field = h("input", {
    type: "search",
    placeholder: "Find",
    "aria-label": "Find in the source",
    on: {
      input: () => {
        const wanted = field.value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
        found = [];
        at = -1;
        CSS.highlights.delete("found-now");
        for (const { index, 0: match } of wanted ? text.matchAll(new RegExp(wanted, "gi")) : []) {
          if (found.length === MAX_FOUND) break;
          const range = new Range();
          range.setStart(pre.firstChild, index);
          range.setEnd(pre.firstChild, index + match.length);
          found.push(range);
        }
        CSS.highlights.set("found", new Highlight(...found));
        number.textContent = wanted && !found.length ? "not there" : "";
        go(1);
      },
      keydown: (event) => event.key === "Enter" && go(event.shiftKey ? -1 : 1),
    },
  });
  return [
    h(
      "div",
      { class: "options" },
      field,
      number,
      h("span", { class: "spacer" }),
      wrapping(pre),
      copyButton(text, "Copy all"),
    ),
    pre,
  ];
}

/** A button with a list of labels to put on and take off. `has()` and `known()` say which there are. */
export function labelButton(has, known, change) {
  const field = h("input", { type: "text", maxlength: 100, placeholder: "New label", "aria-label": "New label" });
  const list = h("div", { class: "choices" });
  const menu = h(
    "div",
    { popover: "auto", class: "menu label-menu" },
    list,
    h(
      "form",
      {
        on: {
          submit: (event) => {
            event.preventDefault();
            if (field.value.trim()) change(field.value.trim(), true);
            field.value = "";
            menu.hidePopover();
          },
        },
      },
      field,
      h("button", {}, "Add"),
    ),
  );
  const opener = iconButton(
    "label",
    "Label",
    () => {
      const box = opener.getBoundingClientRect();
      list.replaceChildren(
        ...[...new Set([...known(), ...has()])].sort().map((label) => {
          const tick = h("input", { type: "checkbox", on: { change: () => change(label, tick.checked) } });
          tick.checked = has().includes(label);
          return h("label", {}, tick, label);
        }),
      );
      menu.style.top = `${box.bottom + 4}px`;
      menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 248))}px`;
      menu.togglePopover();
      field.focus();
    },
    { "aria-haspopup": "true" },
  );
  return h("span", { class: "with-menu" }, opener, menu);
}

/** Ask where to send a message on, and queue it. `path` is that of the message in the API. */
export function release(message, path) {
  const to = h("input", { type: "email", id: "release-to", value: message.originalInbox, required: true });
  const problem = h("p", { class: "error", role: "alert" });
  const dialog = h(
    "dialog",
    { class: "menu", "aria-labelledby": "release-title", on: { close: () => dialog.remove() } },
    h(
      "form",
      {
        on: {
          submit: async (event) => {
            event.preventDefault();
            try {
              await post(`${path}/release`, { to: to.value });
              dialog.close();
              toast(`In the queue for ${to.value}.`);
            } catch (error) {
              problem.textContent = error.message;
            }
          },
        },
      },
      h("h2", { id: "release-title" }, "Release"),
      h("p", { class: "muted" }, "Send the message on, as it came, to a real mailbox."),
      h("label", { for: "release-to" }, "To"),
      to,
      problem,
      h(
        "div",
        { class: "answers" },
        button("Cancel", () => dialog.close()),
        h("button", { class: "primary" }, "Send"),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}
