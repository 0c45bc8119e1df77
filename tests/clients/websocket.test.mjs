// nodemailer sends, ws listens: a frame after the 250, with the exact text.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import api from "@mailsac/api";
import nodemailer from "nodemailer";
import WebSocket from "ws";
import { baseURL, freshAddress, key, smtpPort, webSocketURL } from "./support.mjs";

const client = new api.Mailsac({ baseURL, headers: { "Mailsac-Key": key } });
const frame = async (socket) => JSON.parse((await once(socket, "message"))[0]);

/** An open socket whose first frame has come. */
const listen = async (email) => {
  const socket = new WebSocket(`${webSocketURL}?key=${key}&addresses=${email}`);
  const first = await frame(socket);
  assert.equal(first.status, 200);
  assert.deepEqual([first.msg, first.addresses], ["Listening", [email]]);
  return socket;
};

test("a frame comes after the 250, in both of its shapes", { timeout: 20_000 }, async () => {
  const email = freshAddress("socket");
  await client.addresses.createAddress(email, { enablews: true });
  const socket = await listen(email);
  // As the hosted service's own tests do: log in as an address of the account, with its key.
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port: smtpPort,
    ignoreTLS: true,
    auth: { user: email, pass: key || "any" },
  });
  for (const text of ["plain text, ünïcode", "a second one"]) {
    await transport.sendMail({ from: email, to: email, subject: `Subject of ${text}`, text });
    const mail = await frame(socket); // listens only now: an earlier frame would be lost
    assert.deepEqual([mail.to[0].address, mail.subject, mail.text], [email, `Subject of ${text}`, text]);
    assert.deepEqual([mail.status, mail.email.subject, mail.email.text], [200, mail.subject, text]);
    assert.equal(typeof mail.headers.subject, "string");
    assert.ok(Array.isArray(mail.headers.received));
    assert.match(mail.raw, /X-Mailsac-Envelope/);
  }
  const [message] = (await client.messages.listMessages(email)).data;
  assert.equal(message.subject, "Subject of a second one");
  assert.equal((await client.messages.deleteAllMessages(email)).status, 204);
  socket.close();
});

test("what nobody may hear ends with an error frame", { timeout: 20_000, skip: process.env.MAILSAC_MODE === "open" && "open mode lets everybody listen" }, async () => {
  const email = freshAddress("deaf");
  await client.addresses.createAddress(email); // without enablews
  const socket = new WebSocket(`${webSocketURL}?key=${key}&addresses=${email}`);
  const first = await frame(socket);
  assert.ok(first.status >= 400 && first.status < 500);
  assert.equal(typeof first.error, "string");
  await once(socket, "close");
});
