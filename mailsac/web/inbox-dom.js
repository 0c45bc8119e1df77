// Making elements. Text is only ever set as text: nothing that a stranger wrote becomes markup here.

/** An element. `props`: "class", "on" (listeners by event), "data" (data attributes); the rest are attributes, where
 * true is the empty string and false, null and undefined leave it out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== false));
  return element;
}

const ICONS = {
  star: "m8 1.8 1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z",
  clip: "M13 7.2 8 12.3a3 3 0 0 1-4.3-4.2l5.4-5.4a2 2 0 0 1 2.8 2.8l-5.3 5.3a1 1 0 0 1-1.4-1.4l4.6-4.6",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5M6.8 7v4M9.2 7v4",
  label: "M2.5 3v4.2l6.3 6.3 4.7-4.7L7.2 2.5H3zM5.3 5.3h.01",
  folder: "M2 4.5A1 1 0 0 1 3 3.5h3l1.5 1.5H13a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1z",
  unread: "M2.5 4h11v8h-11zM2.5 4.5 8 8.5l5.5-4",
  send: "M14 2 7 9M14 2 9.5 14 7 9 2 6.5z",
  down: "M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  back: "M9.5 3 4.5 8l5 5",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  link: "M6.5 9.5 9.5 6.5M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.5 9M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7",
  print: "M4.5 6V2.5h7V6M4.5 11h-2V6h11v5h-2M4.5 9.5h7v4h-7z",
  help: "M6 6a2 2 0 1 1 2.8 1.8c-.5.3-.8.6-.8 1.4M8 11.5v.01M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  settings: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M9 3v3h3V3zM4 10v3h3v-3z",
  close: "m4 4 8 8M12 4l-8 8",
  check: "m3 8.5 3.2 3.2L13 5",
};

/** A picture that says nothing which the words beside it, or the label of its button, do not say. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function button(text, onClick, props = {}) {
  return h("button", { type: "button", ...props, on: { click: onClick } }, text);
}

/** A button that shows a picture alone. */
export function iconButton(name, label, onClick, props = {}) {
  return button(icon(name), onClick, { class: "quiet icon", "aria-label": label, title: label, ...props });
}

/** Into the clipboard, and say so in the place of what was clicked. */
export async function copy(text, source) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyAsBefore(text); // a page that came without TLS from elsewhere has no clipboard
  }
  if (source) {
    source.classList.add("copied");
    setTimeout(() => source.classList.remove("copied"), 1200);
  }
  announce(`Copied ${text.length > 60 ? "it" : text}`);
}

function copyAsBefore(text) {
  const field = h("textarea", { class: "unseen", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function copyButton(text, label = "Copy") {
  return iconButton("copy", label, (event) => copy(typeof text === "function" ? text() : text, event.currentTarget));
}

/** For those who hear the page. */
export function announce(text) {
  document.querySelector("#announcements").textContent = text;
}

/** A line at the foot of the page, with something to do about it; gone after `ms`. Returns what takes it away. */
export function toast(text, { action, onAction, ms = 5000, isError = false } = {}) {
  const line = h("div", { class: isError ? "toast failed" : "toast" }, h("span", {}, text));
  const close = () => {
    clearTimeout(timer);
    line.remove();
  };
  const timer = setTimeout(close, ms);
  if (action)
    line.append(
      button(
        action,
        () => {
          close();
          onAction();
        },
        { class: "quiet" },
      ),
    );
  line.append(iconButton("close", "Dismiss", close));
  document.querySelector("#toasts").append(line);
  announce(text);
  return close;
}

export function failed(error) {
  if (error.name !== "AbortError") toast(error.message, { isError: true, ms: 8000 });
}

// --- Words for numbers and times ---

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat([], { weekday: "short" });
const day = new Intl.DateTimeFormat([], { day: "numeric", month: "short" });
const dated = new Intl.DateTimeFormat([], { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat([], {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

export const absolute = (iso) => whole.format(new Date(iso));

export function relative(iso) {
  const then = new Date(iso),
    now = new Date();
  const minutes = (now - then) / 60_000;
  if (minutes < 1) return "now";
  if (minutes < 60) return `${Math.floor(minutes)} min`;
  if (then.toDateString() === now.toDateString()) return clock.format(then);
  if (minutes < 6 * 24 * 60) return `${weekday.format(then)} ${clock.format(then)}`;
  return then.getFullYear() === now.getFullYear() ? day.format(then) : dated.format(then);
}

export function time(iso, show = relative) {
  return h("time", { datetime: iso, title: absolute(iso) }, show(iso));
}

export function octets(number) {
  if (number < 1000) return `${number} B`;
  if (number < 1_000_000) return `${(number / 1000).toFixed(number < 10_000 ? 1 : 0)} KB`;
  return `${(number / 1_000_000).toFixed(1)} MB`;
}

export const count = (number) => number.toLocaleString("en");
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function person({ name, address }) {
  return name || address;
}
