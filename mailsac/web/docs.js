// The documentation: language of the examples, copying, finding, and where the reader is. Without this it is whole, with
// curl. What tries something out is loaded when it is first wanted.

const LANGUAGE = "mailsac.language";
const MAX_FOUND = 12;
const WAIT_MS = 80; // after a key, before the text of everything is looked through

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// --- The language -----------------------------------------------------------------------------------------------------

const sources = { curl: Object.fromEntries(all(".example").map((each) => [each.dataset.example, $("code", each).textContent])) };

async function speak(language) {
  sources[language] ??= await fetch(`/docs/examples/${language}`).then((response) => response.json());
  for (const example of all(".example")) $("code", example).textContent = sources[language][example.dataset.example];
  for (const button of all("[data-language]")) button.ariaPressed = button.dataset.language === language;
  colour();
}

for (const button of all("[data-language]")) {
  button.addEventListener("click", async () => {
    const top = nearest()?.getBoundingClientRect().top;
    const section = nearest();
    try {
      await speak(button.dataset.language);
      localStorage.setItem(LANGUAGE, button.dataset.language);
    } catch {
      button.title = "The server does not answer.";
    }
    if (section) scrollBy({ top: section.getBoundingClientRect().top - top, behavior: "instant" }); // nothing moves
  });
}

// --- Colours, without a mark in the text ------------------------------------------------------------------------------

const WORDS =
  "as|async|await|break|const|curl|def|defer|for|from|func|if|import|in|new|of|package|printf|return|throw|with";
const TOKEN = new RegExp(
  String.raw`(?<comment>(?<=^|\s)(?://|#)\s.*$)|(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|${"`[^`]*`"})` +
    String.raw`|(?<number>(?<![\w.:/@-])(?:\d+(?:\.\d+)?|true|false|null|True|False|None|nil)(?![\w.:/@-]))|(?<word>(?<![\w.-])(?:${WORDS})(?![\w-]))`,
  "gm",
);

function colour() {
  if (!CSS.highlights) return;
  const kinds = { comment: [], string: [], number: [], word: [] };
  for (const code of all("pre code")) {
    const node = code.firstChild;
    if (!node || node.nextSibling) continue;
    for (const match of node.data.matchAll(TOKEN)) {
      const kind = Object.keys(kinds).find((each) => match.groups[each] !== undefined);
      const range = new Range();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      kinds[kind].push(range);
    }
  }
  for (const [kind, ranges] of Object.entries(kinds)) CSS.highlights.set(kind, new Highlight(...ranges));
}

// --- Copying ----------------------------------------------------------------------------------------------------------

export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { value: text, className: "unseen" }); // a page by http has no clipboard
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1200);
}

export function copyButton(of) {
  const button = element("button", { type: "button", className: "copy", textContent: "Copy" });
  button.addEventListener("click", () => copy(of().replace(/\n$/, ""), button));
  return button;
}

for (const pre of all("pre")) {
  pre.tabIndex = 0; // so that it scrolls by keys
  const caption = $("figcaption", pre.parentElement);
  if (caption) caption.append(copyButton(() => pre.textContent));
  else {
    const frame = element("div", { className: "code" });
    pre.replaceWith(frame);
    frame.append(pre, copyButton(() => pre.textContent));
  }
}
for (const value of all("code.value")) value.after(copyButton(() => value.textContent));

// --- Where the reader is ----------------------------------------------------------------------------------------------

const navigation = $(".contents nav");
const places = all("section[id], .guide h2[id]").filter((each) => !each.classList.contains("group"));
const links = new Map(all("a[href*='#']", navigation).map((link) => [link.hash.slice(1), link]));

function nearest() {
  let found = null;
  for (const place of places) {
    if (place.getBoundingClientRect().top > 140) break;
    found = place;
  }
  return found;
}

let current = null;
function follow() {
  const link = links.get(nearest()?.id);
  if (!link || link === current) return;
  current?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  current = link;
  if (!filter.value && !navigation.contains(document.activeElement)) {
    const group = link.closest("details");
    for (const each of all("details[data-followed]", navigation)) {
      if (each !== group) { each.open = false; delete each.dataset.followed; }
    }
    if (!group.open) { group.open = true; group.dataset.followed = ""; }
    link.scrollIntoView({ block: "nearest" });
  }
}

let pending = false;
addEventListener("scroll", () => {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; follow(); });
}, { passive: true });

// --- Finding ----------------------------------------------------------------------------------------------------------

const filter = $("#filter");
const found = $("#found");
let everything = null;
let waiting = 0;

function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const group of all("details", navigation)) {
    let shown = 0;
    for (const link of all("a", group)) {
      const text = `${link.textContent} ${link.title} ${group.firstChild.textContent}`.toLowerCase();
      const matches = words.every((word) => text.includes(word));
      link.parentElement.hidden = !matches && ![...all("a", link.parentElement)].slice(1).some((each) => !each.parentElement.hidden);
      shown += matches;
    }
    group.hidden = !shown;
    group.wasOpen ??= group.open;
    if (words.length) group.open = true;
    else { group.open = group.wasOpen; delete group.wasOpen; }
  }
  clearTimeout(waiting);
  if (words.length) waiting = setTimeout(() => look(words), WAIT_MS);
  else found.replaceChildren();
}

async function look(words) {
  try {
    everything ??= await fetch("/docs/index.json").then((response) => response.json());
  } catch {
    found.replaceChildren(element("p", { textContent: "The server does not answer." }));
    return;
  }
  const shown = new Set(all("a", navigation).filter((link) => link.checkVisibility()).map((link) => link.pathname + link.hash));
  const ranked = everything
    .filter((each) => !shown.has(each.href))
    .map((each) => [score(each, words), each])
    .filter(([points]) => points)
    .sort(([a], [b]) => b - a)
    .slice(0, MAX_FOUND);
  const items = ranked.map(([, { title, href, text }]) =>
    element("li", {}, element("a", { href },
      element("strong", { textContent: title }), element("small", { textContent: excerpt(text, words) }))));
  const nothing = shown.size ? "" : "Nothing has all of these words.";
  found.replaceChildren(element("p", { textContent: items.length ? "In the text" : nothing }), element("ul", {}, ...items));
}

function score({ title, text }, words) {
  const [head, body] = [title.toLowerCase(), text.toLowerCase()];
  if (!words.every((word) => head.includes(word) || body.includes(word))) return 0;
  return 1 + words.reduce((sum, word) => sum + (head.includes(word) ? 10 : 0) + Math.min(5, body.split(word).length - 1), 0);
}

function excerpt(text, words) {
  const place = Math.max(0, Math.min(...words.map((word) => text.toLowerCase().indexOf(word)).filter((each) => each >= 0)) - 20);
  return Number.isFinite(place) && place ? `…${text.slice(place, place + 90)}` : text.slice(0, 90);
}

filter.addEventListener("input", narrow);
filter.addEventListener("keydown", (event) => {
  const visible = all("a", navigation).filter((link) => link.checkVisibility());
  if (event.key === "Enter") visible[0]?.click();
  else if (event.key === "ArrowDown") visible[0]?.focus();
  else if (event.key === "Escape") { filter.value = ""; narrow(); filter.blur(); }
  else return;
  event.preventDefault();
});
navigation.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.localName !== "a") return;
  const visible = all("a", navigation).filter((link) => link.checkVisibility());
  (visible[visible.indexOf(event.target) + step] ?? filter).focus();
  event.preventDefault();
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  document.body.classList.add("with-menu");
  filter.focus();
  filter.select();
  event.preventDefault();
});

const menu = $("#menu");
menu.addEventListener("click", () => {
  menu.ariaExpanded = document.body.classList.toggle("with-menu");
});
navigation.addEventListener("click", (event) => {
  if (event.target.closest("a")) {
    document.body.classList.remove("with-menu");
    menu.ariaExpanded = false;
  }
});

// --- Trying out -------------------------------------------------------------------------------------------------------

for (const section of all(".operation[data-method]")) {
  if ($(".example", section) && !section.dataset.path.endsWith("incoming-messages")) {
    const button = element("button", { type: "button", className: "try", textContent: "Try it" });
    button.ariaExpanded = false;
    button.addEventListener("click", async () => {
      const { toggle } = await import("/assets/docs-try.js");
      toggle(section, button);
    });
    $(".example figcaption", section).append(button);
  }
}
if ($("reader-key, socket-tester, webhook-tester")) import("/assets/docs-testers.js");

const remembered = localStorage.getItem(LANGUAGE);
if (remembered && remembered !== "curl") {
  speak(remembered).catch(() => localStorage.removeItem(LANGUAGE)).finally(() => {
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  });
} else colour();
follow();
