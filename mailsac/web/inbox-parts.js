// The MIME structure of a message (RFC 2045, RFC 2046), for the eye: what it is made of, and each part for itself.

import { button, h, octets } from "./inbox-dom.js";

const MAX_DEPTH = 20;
const MAX_PARTS = 500;
const SHOWN_CHARS = 200_000;

/** A character for each octet; the "latin1" of a TextDecoder is windows-1252. */
function binaryOf(raw) {
  let text = "";
  for (let start = 0; start < raw.length; start += 32_768)
    text += String.fromCharCode(...raw.subarray(start, start + 32_768));
  return text;
}

/** The parts of a message as a tree: `type`, `encoding`, `name`, `size` (octets as they came), `path`, `parts`, and
 * `content()`, its decoded octets. */
export function partsOf(raw) {
  const budget = { left: MAX_PARTS };
  return partOf(binaryOf(raw), "1", 0, budget);
}

function partOf(text, path, depth, budget) {
  budget.left--;
  const gap = /^\r?\n|\r?\n\r?\n/.exec(text);
  const head = gap ? text.slice(0, gap.index) : text;
  const body = gap ? text.slice(gap.index + gap[0].length) : "";
  const fields = {};
  for (const line of head.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon).trim().toLowerCase()] ??= line.slice(colon + 1).trim();
  }
  const written = fields["content-type"] ?? "text/plain";
  const type = written.split(";")[0].trim().toLowerCase();
  const encoding = (fields["content-transfer-encoding"] ?? "7bit").toLowerCase();
  const part = {
    path,
    type,
    encoding,
    size: body.length,
    parts: [],
    charset: parameter(written, "charset") || "utf-8",
    name: parameter(fields["content-disposition"] ?? "", "filename") || parameter(written, "name"),
    content: () => decoded(body, encoding),
  };
  const boundary = parameter(written, "boundary");
  if (depth < MAX_DEPTH && type.startsWith("multipart/") && boundary) {
    for (const [index, inner] of pieces(body, boundary).entries()) {
      if (budget.left > 0) part.parts.push(partOf(inner, `${path}.${index + 1}`, depth + 1, budget));
    }
  } else if (depth < MAX_DEPTH && type === "message/rfc822") {
    part.parts.push(partOf(body, `${path}.1`, depth + 1, budget));
  }
  return part;
}

function parameter(value, name) {
  const plain = new RegExp(`;\\s*${name}\\*?\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(value);
  return plain ? (plain[1]?.replace(/\\(.)/g, "$1") ?? plain[2]).replace(/^[\w-]*'[\w-]*'/, "") : "";
}

function pieces(body, boundary) {
  const lines = body.split(/(?<=\n)/);
  const found = [];
  let piece = null;
  for (const line of lines) {
    const bare = line.trimEnd();
    if (bare === `--${boundary}` || bare === `--${boundary}--`) {
      if (piece !== null) found.push(piece.replace(/\r?\n$/, ""));
      piece = bare.endsWith("--") && bare.length > boundary.length + 2 ? null : "";
      if (piece === null) break;
    } else if (piece !== null) piece += line;
  }
  if (piece) found.push(piece);
  return found;
}

function decoded(body, encoding) {
  if (encoding === "base64") {
    try {
      return octetsOf(atob(body.replace(/[^A-Za-z0-9+/]/g, "")));
    } catch {
      return octetsOf(body);
    }
  }
  if (encoding !== "quoted-printable") return octetsOf(body);
  return octetsOf(
    body.replace(/=[ \t]*\r?\n/g, "").replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
  );
}

const octetsOf = (binary) => Uint8Array.from(binary, (character) => character.charCodeAt(0) & 255);

/** `{view, number}`: elements that show the tree, and how many parts there are. */
export function partTree(root, download) {
  let number = 0;
  const row = (part) => {
    number++;
    const text = h("pre", { class: "text wrapped", hidden: true });
    const isText = !part.parts.length && /^(text\/|message\/|application\/(json|xml))/.test(part.type);
    const look = () => {
      text.hidden = !text.hidden;
      toggle.setAttribute("aria-expanded", String(!text.hidden));
      if (!text.textContent) text.textContent = words(part);
    };
    const toggle = button("View", look, { "aria-expanded": "false", "aria-label": `View part ${part.path}` });
    return h(
      "li",
      {},
      h(
        "div",
        { class: "part" },
        h("span", { class: "muted mono" }, part.path),
        h("span", { class: "mono" }, part.type),
        h("span", { class: "name" }, part.name),
        h("span", { class: "muted" }, `${octets(part.size)}, ${part.encoding}`),
        h("span", { class: "spacer" }),
        isText && toggle,
        !part.parts.length && button("Download", () => download(part), { "aria-label": `Download part ${part.path}` }),
      ),
      text,
      part.parts.length > 0 && h("ul", {}, part.parts.map(row)),
    );
  };
  const view = [h("ul", { class: "parts" }, row(root))];
  return { view, number };
}

function words(part) {
  const content = part.content();
  try {
    return new TextDecoder(part.charset).decode(content).slice(0, SHOWN_CHARS) || "(empty)";
  } catch {
    return binaryOf(content).slice(0, SHOWN_CHARS); // a charset that no browser knows
  }
}
