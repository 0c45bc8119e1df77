// What is tested: a page to sign up at, which mails a link to verify the address.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test as base } from "@playwright/test";
import nodemailer from "nodemailer";

const page = (title, body = "") => `<!doctype html><title>Shop</title><h1>${title}</h1>${body}`;
const form = `<form method="post"><label>E-mail <input name="address"></label><button>Sign up</button></form>`;

const serve = async () => {
  const mailer = nodemailer.createTransport({ host: "127.0.0.1", port: Number(process.env.SMTP_PORT), ignoreTLS: true });
  const tokens = new Set();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams, origin } = new URL(request.url, `http://${request.headers.host}`);
    response.setHeader("Content-Type", "text/html");
    if (pathname === "/verify") return response.end(page(tokens.has(searchParams.get("token")) ? "Verified" : "Unknown link"));
    if (request.method !== "POST") return response.end(page("Sign up", form));
    const body = new URLSearchParams((await request.toArray()).join(""));
    const token = randomUUID();
    tokens.add(token);
    response.end(page("Look into your mail"));
    await mailer.sendMail({
      from: "shop@example.org",
      to: body.get("address"),
      subject: "Welcome to the shop",
      html: `<p>Please <a href="${origin}/verify?token=${token}">confirm your address</a>, or <a href="${origin}/">visit us</a>.</p>`,
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

export const test = base.extend({
  shop: [
    async ({}, use) => {
      const server = await serve();
      await use(`http://127.0.0.1:${server.address().port}`);
      server.close();
    },
    { scope: "worker" },
  ],
  baseURL: ({ shop }, use) => use(shop),
});
