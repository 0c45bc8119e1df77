// Light or dark: as the system has it, unless the reader has chosen. The choice is kept in this browser.

const KEY = "mailsac.theme";
const NEXT = { system: "light", light: "dark", dark: "system" };
const root = document.documentElement;

function chosen() {
  try {
    return NEXT[localStorage.getItem(KEY)] ? localStorage.getItem(KEY) : "system";
  } catch {
    return "system"; // storage is blocked
  }
}

function apply(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
}

apply(chosen());
addEventListener("storage", () => apply(chosen())); // another tab has chosen

customElements.define("theme-switch", class extends HTMLElement {
  connectedCallback() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet icon";
    const show = () => {
      button.setAttribute("aria-label", `Theme: ${chosen()}`);
      button.title = `Theme: ${chosen()}; ${NEXT[chosen()]} is next`;
    };
    button.addEventListener("click", () => {
      const theme = NEXT[chosen()];
      try {
        localStorage.setItem(KEY, theme);
      } catch { /* it holds for this page, then */ }
      apply(theme);
      show();
    });
    show();
    this.replaceChildren(button);
  }
});
