// `mailsac` 0.0.9, a client by somebody else: its key goes into the query and into bodies, of DELETE too.
import assert from "node:assert/strict";
import { test } from "node:test";
import mailsac from "mailsac";
import { areAddresses, areMessages, attachment, attachmentMd5, baseURL, freshAddress, isMessage, key, send } from "./support.mjs";

const connect = (apiKey) => {
  const client = new mailsac.Client(apiKey);
  client.axios.defaults.baseURL = `${baseURL}/`; // the client has no option for it
  return client;
};
const client = connect(key);
const received = async () => {
  const email = freshAddress("community");
  await send(email, { attachments: [{ filename: "a.bin", content: attachment }] });
  const [message] = await client.getMessages(email);
  return { email, id: message._id };
};

test("an address from reservation to release", async () => {
  const email = freshAddress("community");
  assert.equal((await client.reserveAddress(email))._id, email);
  await assert.rejects(client.reserveAddress(email), { status: 400 });
  areAddresses(await client.getPrivateAddresses());
  assert.deepEqual(await client.checkAddressOwnership(email), { email, available: false, owned: true });
  await client.forwardAddress(email, { enablews: true }); // it drops its options: nothing may change
  assert.equal((await client.getAddress(email)).enablews ?? false, false);
  await client.releaseAddress(email);
  await assert.rejects(client.releaseAddress(email), {
    status: 400,
    message: "That address is not valid. Make sure it is one you own.",
  });
});

test("messages: list, inbox, search, star, folder, read, labels", async () => {
  const { email, id } = await received();
  areMessages(await client.getMessages(email));
  areMessages((await client.getPrivateMessages()).messages);
  assert.deepEqual((await client.searchPrivateMessages(email)).messages.map((one) => one._id), [id]);
  const starred = await client.saveMessage(email, id);
  isMessage(starred);
  assert.ok((await client.getSavedMessages()).some((one) => one._id === id));
  assert.deepEqual(await client.changeMessageFolder(email, id, "spam"), { _id: id, folder: "spam" });
  assert.deepEqual(await client.setMessageRead(email, id, true), { _id: id, read: true });
  assert.deepEqual(await client.setMessageLabels(email, id, ["one", "two"]), { _id: id, labels: ["one", "two"] });
});

test("contents and headers", async () => {
  const { email, id } = await received();
  assert.equal(await client.getMessageText(email, id), "Hello, see https://example.com/path?token=abc now");
  assert.match(await client.getRawMessage(email, id), new RegExp(`for <?${email}>?;`));
  assert.match(await client.getHTMLMessage(email, id), /^<html><head>/);
  assert.match(await client.getSanitizedMessage(email, id), /Hello/);
  const headers = await client.getMessageHeaders(email, id);
  assert.equal(headers.subject, "Greetings"); // a string, as it occurs once
  assert.deepEqual((await client.getAttachments(email, id)).map((one) => one.checksum), [attachmentMd5]);
});

test("the key of a DELETE is read from its body", async () => {
  const { email, id } = await received();
  await client.deleteMessage(email, id);
  assert.deepEqual(await client.getMessages(email), []);
});

test("a message is sent, and can be read where it went", async () => {
  const [from, to] = [freshAddress("sender"), freshAddress("recipient")];
  const sent = await client.sendMessage({ from, to, subject: "sent by the client", text: "Hello, Bob" });
  assert.deepEqual([sent.from, sent.to, typeof sent.id], [from, [to], "string"]);
  let messages = [];
  for (const end = Date.now() + 15_000; messages.length === 0 && Date.now() < end; ) {
    messages = await client.getMessages(to);
  }
  areMessages(messages);
  assert.equal(messages[0].subject, "sent by the client");
  assert.equal((await client.getMessageText(to, messages[0]._id)).trim(), "Hello, Bob");
});

test("the account, and the statistics", async () => {
  await received();
  assert.equal(typeof (await client.getCurrentUser())._id, "string");
  const stats = await client.getCurrentUserStats();
  assert.ok(Array.isArray(stats.addresses) && Array.isArray(stats.nonOwnedInboxes));
  const range = { startDate: new Date(Date.now() - 86400e3), endDate: new Date(Date.now() + 86400e3) };
  assert.ok((await client.getCommonAttachments(range)).some((one) => one._id === attachmentMd5));
  areMessages(await client.getMessagesWitchAttachment(attachmentMd5));
  assert.ok(Array.isArray(await client.getBlacklistedDomainsAndIps()));
  assert.deepEqual(await client.signOut(), { ok: true });
});

test("an empty key is none", { skip: process.env.MAILSAC_MODE === "open" && "open mode needs no key" }, async () => {
  await assert.rejects(connect("").getPrivateAddresses(), {
    status: 401,
    message: "Not authorized. You may need to log in first.",
  });
});
