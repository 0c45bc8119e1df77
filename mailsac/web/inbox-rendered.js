// A message as its HTML: in a frame that runs nothing, in several widths, in the dark, with remote images on demand.

import { ask, bodyPath, key } from "./inbox-api.js";
import { announce, button, h } from "./inbox-dom.js";

const WIDTHS = { 375: "375", 768: "768", full: "Full" };
// White space is bounded, for a stranger wrote what is looked at: without that a long run of it would take for ever.
const REMOTE = /(?:\s(?:src|srcset|background)\s{0,9}=\s{0,9}["']?|url\(\s{0,9}["']?)\s{0,9}(?:https?:)?\/\//i;
const LOOKS = /<(style|link|table|img|font)\b|\s(style|bgcolor|background|color|text)\s{0,9}=/i; // of its own
const MAX_SHOWN = 1_000_000; // characters of a source; the rest is for the download

/** Elements that show it. `choices` has `width` and `isDark`, as the reader left them; isDark is undefined at first. */
export async function rendered(address, id, choices) {
  const path = bodyPath("dirty", address, id);
  const frame = h("iframe", {
    title: "The message as HTML",
    sandbox: "allow-popups allow-popups-to-escape-sandbox",
    referrerpolicy: "no-referrer",
  });
  const load = (remote) => {
    const query = new URLSearchParams({ frame: 1 });
    if (remote) query.set("remote", 1);
    if (key.get()) query.set("_mailsacKey", key.get()); // a frame sends no header of ours
    frame.src = `${path}?${query}`;
  };
  const markup = await head(await ask(`${path}?frame=1`));
  const knowsDark = /prefers-color-scheme/i.test(markup);
  const stage = h("div", { class: "stage" }, frame);
  const isPlain = !LOOKS.test(markup); // it may look like this page
  const isDark = () => choices.isDark ?? (isPlain && isPageDark());
  const dark = button(
    "Dark",
    () => {
      choices.isDark = !isDark();
      paint();
    },
    { title: knowsDark ? "The dark colours of the message" : "Its colours turned over, as mail programs do" },
  );
  const paint = () => {
    dark.setAttribute("aria-pressed", String(isDark()));
    frame.className = isDark() ? (knowsDark ? "dark" : "inverted") : "";
  };
  const widths = Object.entries(WIDTHS).map(([width, text]) =>
    button(text, () => size(width), {
      data: { width },
      "aria-label": width === "full" ? "Full width" : `${width} pixels wide`,
    }),
  );
  const size = (width) => {
    choices.width = width;
    stage.dataset.width = width;
    for (const each of widths) each.setAttribute("aria-pressed", String(each.dataset.width === width));
  };
  const blocked =
    REMOTE.test(markup) &&
    h(
      "span",
      { class: "blocked" },
      "Remote images are blocked. ",
      button(
        "Load once",
        () => {
          load(true);
          blocked.remove();
          announce("Remote images are loaded");
        },
        { class: "chip" },
      ),
    );
  size(choices.width);
  paint();
  load(false);
  return [
    h(
      "div",
      { class: "options" },
      h("span", { class: "group", role: "group", "aria-label": "Width" }, widths),
      dark,
      h("span", { class: "spacer" }),
      blocked,
    ),
    stage,
  ];
}

function isPageDark() {
  return (
    (document.documentElement.dataset.theme ??
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark"
  );
}

/** The start of a body that may be very large. */
export async function head(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
    if (text.length <= MAX_SHOWN) continue;
    reader.cancel();
    return `${text.slice(0, MAX_SHOWN)}\n… the rest is in the download.`;
  }
}
