// How to send to this mailbox, with the real host and port.

import { copyButton, h } from "./inbox-dom.js";

const KEY = "mailsac.sender";

/** Ways to send: name to text. */
export function senders(to, host, port) {
  return {
    swaks: `swaks --to ${to} --server ${host}:${port} --header 'Subject: hello'`,
    curl: `printf 'From: me@example.org\\nTo: ${to}\\nSubject: hello\\n\\nYour code is 482913\\n' |
  curl smtp://${host}:${port} --mail-from me@example.org --mail-rcpt ${to} -T -`,
    Python: `import smtplib
from email.message import EmailMessage

message = EmailMessage()
message["From"], message["To"], message["Subject"] = "me@example.org", "${to}", "hello"
message.set_content("Your code is 482913")
with smtplib.SMTP("${host}", ${port}) as smtp:
    smtp.send_message(message)`,
    Node: `import nodemailer from "nodemailer";

await nodemailer.createTransport({ host: "${host}", port: ${port} }).sendMail({
  from: "me@example.org", to: "${to}", subject: "hello", text: "Your code is 482913",
});`,
    Django: `# settings.py
EMAIL_HOST = "${host}"
EMAIL_PORT = ${port}

# python manage.py sendtestemail ${to}`,
    Rails: `# config/environments/development.rb
config.action_mailer.delivery_method = :smtp
config.action_mailer.smtp_settings = { address: "${host}", port: ${port} }`,
    Laravel: `# .env
MAIL_MAILER=smtp
MAIL_HOST=${host}
MAIL_PORT=${port}
MAIL_USERNAME=null
MAIL_PASSWORD=null
MAIL_ENCRYPTION=null`,
    Spring: `# application.properties
spring.mail.host=${host}
spring.mail.port=${port}`,
    Go: `package main

import "net/smtp"

func main() {
	message := "From: me@example.org\\r\\nTo: ${to}\\r\\nSubject: hello\\r\\n\\r\\nYour code is 482913\\r\\n"
	if err := smtp.SendMail("${host}:${port}", nil, "me@example.org", []string{"${to}"}, []byte(message)); err != nil {
		panic(err)
	}
}`,
  };
}

/** What an empty mailbox shows. */
export function waiting(address, port) {
  const texts = senders(address, location.hostname || "localhost", port);
  const names = Object.keys(texts);
  const text = h("pre", { id: "sender", role: "tabpanel", tabindex: "0" });
  const tabs = names.map((name) =>
    h("button", { type: "button", role: "tab", "aria-controls": "sender", on: { click: () => show(name) } }, name),
  );
  const show = (name) => {
    text.textContent = texts[name];
    text.setAttribute("aria-label", `How to send with ${name}`);
    for (const tab of tabs) {
      const isOpen = tab.textContent === name;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
    }
    localStorage.setItem(KEY, name);
  };
  const chosen = localStorage.getItem(KEY);
  show(names.includes(chosen) ? chosen : names[0]);
  const arrows = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = tabs.findIndex((tab) => tab.tabIndex === 0);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  };
  return h(
    "section",
    { class: "waiting" },
    h(
      "h2",
      {},
      h("span", { class: "pulse", "aria-hidden": "true" }),
      "Waiting for mail to ",
      h("span", { class: "mono" }, address),
    ),
    h("p", { class: "muted" }, "It opens here as soon as it comes."),
    h("div", { class: "tabs", role: "tablist", "aria-label": "Ways to send", on: { keydown: arrows } }, tabs),
    h(
      "div",
      { class: "snippet" },
      text,
      copyButton(() => text.textContent),
    ),
  );
}
