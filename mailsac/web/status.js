// The page at /status, kept up to date, with times in the zone of the reader. Without this it is whole, and in UTC.

const EVERY_MS = 15_000;
const time = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat([], { day: "numeric", month: "short" });
const page = document.querySelector(".status");

// The day is said where it is not that of the time before it, or today's.
function localise(root) {
  const today = day.format(new Date());
  let line, last;
  for (const element of root.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    const on = day.format(moment);
    if (element.parentElement !== line) last = today;
    element.textContent = (on === last ? "" : `${on}, `) + time.format(moment);
    element.title = moment.toLocaleString();
    [line, last] = [element.parentElement, on];
  }
}

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch(location.pathname, { signal: AbortSignal.timeout(EVERY_MS) });
    if (!response.ok) throw new Error(response.status);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    localise(fresh);
    page.replaceChildren(...fresh.querySelector(".status").children);
    document.title = fresh.title;
  } catch {
    page.querySelector("output").textContent = "The server does not answer; this is what it said last.";
  }
}

localise(document);
setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
