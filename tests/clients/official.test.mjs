// `@mailsac/api`, the hosted service's own client: each of its 45 methods.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import api from "@mailsac/api";
import {
  areAddresses,
  areAttachments,
  areDomains,
  areMessages,
  areTallies,
  attachment,
  attachmentMd5,
  baseURL,
  domain,
  fails,
  freshAddress,
  isAccount,
  isAddress,
  isDomain,
  isMessage,
  isStats,
  isValidation,
  key,
  send,
} from "./support.mjs";

const client = new api.Mailsac({ baseURL, headers: { "Mailsac-Key": key } });
const used = new Set();

/** The client, noting which of its methods were called. */
const mailsac = Object.fromEntries(
  Object.entries(client)
    .filter(([, group]) => group && typeof group === "object" && Object.values(group).some((one) => typeof one === "function"))
    .filter(([name]) => !["instance", "webSockets", "webhooks"].includes(name))
    .map(([name, group]) => [
      name,
      Object.fromEntries(
        Object.entries(group).map(([method, call]) => [
          method,
          (...given) => {
            used.add(`${name}.${method}`);
            return call(...given);
          },
        ]),
      ),
    ]),
);
const call = async (promise, status = 200) => {
  const response = await promise;
  assert.equal(response.status, status);
  return response.data;
};

after(() => {
  const all = Object.entries(mailsac).flatMap(([name, group]) => Object.keys(group).map((method) => `${name}.${method}`));
  assert.equal(all.length, 45);
  assert.deepEqual(all.filter((name) => !used.has(name)), []);
});

/** One address with one message in it that has all a message can have. */
const filled = async () => {
  const email = freshAddress();
  await send(email, {
    subject: `About ${email}`,
    html: '<p>Hello, see <a href="https://example.com/html">this</a><script>evil()</script></p>',
    attachments: [{ filename: "a picture.png", content: attachment, contentType: "image/png" }],
  });
  const [message] = await call(mailsac.messages.listMessages(email));
  return { email, message, id: message._id };
};

describe("addresses", () => {
  test("reserve, read, change, list and release", async () => {
    const email = freshAddress("reserve");
    isAddress(await call(mailsac.addresses.createAddress(email)));
    await fails(mailsac.addresses.createAddress(email), 400);
    const changed = await call(
      mailsac.addresses.updateAddress(email, { info: "a note", enablews: true, webhook: "http://127.0.0.1:9/hook" }),
    );
    isAddress(changed);
    assert.deepEqual([changed.info, changed.enablews, changed.enabledws], ["a note", true, true]);
    assert.equal((await call(mailsac.addresses.updateAddress(email, { webhook: "" }))).webhook, null);
    const read = await call(mailsac.addresses.getAddress(email));
    isAddress(read);
    assert.equal(read.info, "a note");
    const all = await call(mailsac.addresses.listAddresses());
    areAddresses(all);
    assert.ok(all.some((one) => one._id === email));
    assert.deepEqual(await call(mailsac.addresses.checkAvailability(email)), { email, available: false, owned: true });
    assert.equal((await call(mailsac.addresses.deleteAddress(email)))._id, email);
    await fails(mailsac.addresses.deleteAddress(email), 400, "That address is not valid. Make sure it is one you own.");
  });

  test("reserved with settings, and released with its mail", async () => {
    const email = freshAddress("settings");
    const made = await call(mailsac.addresses.createAddress(email, { info: "at once", enablews: true }));
    assert.deepEqual([made.info, made.enablews], ["at once", true]);
    await send(email);
    const [message] = await call(mailsac.messages.listMessages(email));
    await call(mailsac.messages.toggleMessageStar(email, message._id));
    await call(mailsac.addresses.deleteAddress(email, { deleteAddressMessages: true }));
    assert.deepEqual(await call(mailsac.messages.listMessages(email)), []);
  });

  test("many at once", async () => {
    const emails = [freshAddress("bulk"), freshAddress("bulk")];
    const made = await call(mailsac.addresses.createAddresses({ addresses: emails }));
    areAddresses(made);
    assert.deepEqual(made.map((one) => one._id), emails);
    const many = Array.from({ length: 101 }, (_, n) => `n${n}@${domain}`);
    await fails(mailsac.addresses.createAddresses({ addresses: many }), 400);
  });

  test("an address that is free", async () => {
    const email = `nobody-${process.pid}@free.example`;
    const { available, owned } = await call(mailsac.addresses.checkAvailability(email));
    assert.deepEqual([available, owned], [true, false]);
    const read = await call(mailsac.addresses.getAddress(email));
    assert.equal(read._id, email);
    assert.match(read.encryptedInbox, /^inbox-[0-9a-f]+@/);
    assert.ok(!("owner" in read));
  });

  test("mail to the alias of an address is filed under the address", async () => {
    const email = freshAddress("alias");
    const { encryptedInbox } = await call(mailsac.addresses.createAddress(email));
    await send(encryptedInbox);
    const [message] = await call(mailsac.messages.listMessages(email));
    assert.deepEqual([message.inbox, message.originalInbox], [email, encryptedInbox]);
  });

  test("mail to a +tag address is filed under the address", async () => {
    const email = freshAddress("plus");
    const tagged = email.replace("@", "+tag@");
    await send(tagged);
    const [message] = await call(mailsac.messages.listMessages(tagged));
    assert.deepEqual([message.inbox, message.originalInbox], [email, tagged]);
    assert.equal((await call(mailsac.messages.listMessages(email))).length, 1);
  });

  test("forwarding to another address", async () => {
    const [from, to] = [freshAddress("from"), freshAddress("to")];
    await call(mailsac.addresses.createAddress(to));
    await call(mailsac.addresses.createAddress(from, { forward: to }));
    await send(from);
    const [message] = await call(mailsac.messages.listMessages(to));
    assert.deepEqual([message.inbox, message.originalInbox], [to, from]);
  });
});

describe("messages", () => {
  test("list, count, one", async () => {
    const { email, message, id } = await filled();
    isMessage(message);
    assert.deepEqual(message.links, ["https://example.com/path?token=abc", "https://example.com/html"]);
    assert.deepEqual(message.attachments, [attachmentMd5]);
    assert.deepEqual(message.from, [{ address: "ann@sender.example", name: "Ann Sender" }]);
    assert.deepEqual(await call(mailsac.messages.countMessages(email)), { count: 1, inbox: email });
    const { codes, linkDetails, ...metadata } = await call(mailsac.messages.getMessageMetadata(email, id));
    assert.deepEqual(metadata, message);
    assert.deepEqual(linkDetails.map((link) => link.value), message.links); // that and the codes are ours alone
    assert.deepEqual(await call(mailsac.messages.listMessages(email, { limit: 1, until: new Date(Date.now() + 60e3) })), [message]);
    assert.deepEqual(await call(mailsac.messages.listMessages(email, { until: new Date("2001-01-01") })), []);
    assert.deepEqual(await call(mailsac.messages.listMessages(freshAddress("empty"))), []);
    const unknown = `${"0".repeat(26)}-0`;
    await fails(mailsac.messages.getMessageMetadata(email, unknown), 404, `Message not found by id ${unknown} and inbox ${email}`);
  });

  test("contents", async () => {
    const { email, id } = await filled();
    assert.match(await call(mailsac.messages.getFullRawMessage(email, id)), new RegExp(`^Return-Path:[^]*for <?${email}>?;[^]*\r\n\r\n`));
    assert.equal(await call(mailsac.messages.getBodyPlainText(email, id)), "Hello, see https://example.com/path?token=abc now");
    assert.match(await call(mailsac.messages.getBodyDirty(email, id)), /<script>evil\(\)<\/script>/);
    const clean = await call(mailsac.messages.getBodySanitized(email, id));
    assert.match(clean, /Hello, see/);
    assert.doesNotMatch(clean, /script|href/);
    for (const name of ["getFullRawMessage", "getBodyPlainText", "getBodyDirty", "getBodySanitized", "getHeaders"]) {
      const { headers } = await mailsac.messages[name](email, id, { download: "1" });
      assert.match(headers["content-disposition"], /^attachment; filename=/);
    }
  });

  test("headers in each form", async () => {
    const { email, id } = await filled();
    const byName = await call(mailsac.messages.getHeaders(email, id));
    assert.deepEqual(byName.subject, [`About ${email}`]);
    const inOrder = await call(mailsac.messages.getHeaders(email, id, { messageHeadersFormat: "json-ordered" }));
    assert.deepEqual(inOrder.find((one) => one.name === "subject"), { name: "subject", value: `About ${email}` });
    assert.match(await call(mailsac.messages.getHeaders(email, id, { messageHeadersFormat: "plain" })), /^Subject: About /m);
  });

  test("star, which survives a purge, and is found again", async () => {
    const { email, id } = await filled();
    await send(email);
    const starred = await call(mailsac.messages.toggleMessageStar(email, id));
    isMessage(starred);
    assert.equal(starred.savedBy, (await call(mailsac.account.user()))._id);
    const all = await call(mailsac.messages.listStarredMessages());
    areMessages(all);
    assert.ok(all.some((one) => one._id === id));
    await call(mailsac.addresses.createAddress(email));
    assert.equal(await call(mailsac.messages.deleteAllMessages(email), 204), "");
    assert.deepEqual((await call(mailsac.messages.listMessages(email))).map((one) => one._id), [id]);
    assert.equal((await call(mailsac.messages.toggleMessageStar(email, id))).savedBy, null);
  });

  test("labels, with every character that a path can carry", async () => {
    const { email, id } = await filled();
    assert.deepEqual(await call(mailsac.messages.addMessageLabel(email, id, "todo")), { _id: id, labels: ["todo"] });
    assert.deepEqual((await call(mailsac.messages.addMessageLabel(email, id, "todo"))).labels, ["todo"]);
    assert.deepEqual((await call(mailsac.messages.addMessageLabel(email, id, "100%"))).labels, ["todo", "100%"]);
    const odd = "a/b c?#%";
    assert.deepEqual((await call(mailsac.messages.addMessageLabel(email, id, encodeURIComponent(odd)))).labels, ["todo", "100%", odd]);
    assert.deepEqual((await call(mailsac.messages.deleteMessageLabel(email, id, "todo"))).labels, ["100%", odd]);
    assert.deepEqual((await call(mailsac.messages.deleteMessageLabel(email, id, "absent"))).labels, ["100%", odd]);
    assert.deepEqual((await call(mailsac.messages.getMessageMetadata(email, id))).labels, ["100%", odd]);
  });

  test("folder and read", async () => {
    const { email, id } = await filled();
    for (const folder of ["spam", "trash", "all", "inbox"])
      assert.deepEqual(await call(mailsac.messages.setMessageFolder(email, id, folder)), { _id: id, folder });
    await fails(mailsac.messages.setMessageFolder(email, id, "nowhere"), 400);
    for (const read of [true, false])
      assert.deepEqual(await call(mailsac.messages.setMessageReadStatus(email, id, read)), { _id: id, read });
  });

  test("delete", async () => {
    const { email, id } = await filled();
    assert.deepEqual(await call(mailsac.messages.deleteMessage(email, id)), {
      message: "Message was deleted.",
      _id: id,
      inbox: email,
    });
    await fails(mailsac.messages.deleteMessage(email, id), 404);
  });

  test("the inbox of the account, its search and its filter", async () => {
    const { email, id } = await filled();
    const inbox = await call(mailsac.messages.listInboxMessages({ limit: 5, skip: 0, since: new Date(Date.now() - 60e3) }));
    areMessages(inbox.messages);
    assert.equal(inbox.messages[0]._id, id);
    assert.deepEqual([inbox.limit, inbox.skip], [5, 0]);
    assert.ok(inbox.unread >= 1);
    const found = await call(mailsac.messages.searchInboxMessages({ query: email }));
    areMessages(found.messages);
    assert.deepEqual([found.query, found.messages.map((one) => one._id)], [email, [id]]);
    const filtered = await call(
      mailsac.messages.filterInboxMessages({ andSubjectIncludes: "ABOUT", andFrom: "ann@", andTo: email, andRead: false }),
    );
    assert.deepEqual(filtered.messages.map((one) => one._id), [id]);
    await fails(mailsac.messages.filterInboxMessages({}), 400);
  });
});

describe("domains", () => {
  before(() => send(freshAddress("in-domain")));

  test("list, one, its mail", async () => {
    const domains = await call(mailsac.domains.listDomains());
    areDomains(domains);
    assert.ok(domains.some((one) => one._id === domain));
    const one = await call(mailsac.domains.getDomain(domain));
    isDomain(one.domain);
    assert.ok(Number.isInteger(one.totalMessages));
    assert.ok("catchAllAddress" in one);
    const messages = await call(mailsac.messages.listDomainMessages(domain, { limit: 3 }));
    areMessages(messages);
    assert.ok(messages.every((message) => message.domain === domain));
    assert.ok(messages.length >= 1);
  });
});

describe("the account", () => {
  test("who it is, and what it has", async () => {
    isAccount(await call(mailsac.account.user()));
    isStats(await call(mailsac.account.accountStats()));
  });

  test("nobody", async () => {
    const other = new api.Mailsac({ baseURL, headers: { "Mailsac-Key": "" } });
    const answer = await other.account.user();
    assert.equal(answer.status, 200);
    if (answer.data !== null) isAccount(answer.data); // in open mode nobody is somebody
  });
});

describe("attachments", () => {
  test("of one message", async () => {
    const { email, id } = await filled();
    const [one] = await call(mailsac.attachments.listMessageAttachments(email, id));
    areAttachments([one]);
    assert.deepEqual([one.checksum, one.fileName, one.contentType, one.length], [attachmentMd5, "a picture.png", "image/png", attachment.length]);
    for (const identifier of [one.checksum, encodeURIComponent(one.contentId), encodeURIComponent(one.fileName)]) {
      const content = await call(mailsac.attachments.downloadAttachment(email, id, identifier, { format: "arraybuffer" }));
      assert.deepEqual(Buffer.from(content), attachment);
    }
    await fails(mailsac.attachments.downloadAttachment(email, id, "absent"), 404);
  });

  test("of all mail", async () => {
    const { id } = await filled();
    const range = { startDate: new Date(Date.now() - 86400e3), endDate: new Date(Date.now() + 86400e3) };
    const common = await call(mailsac.attachments.listPublicAttachments({ ...range, limit: 1000 }));
    areTallies(common);
    assert.ok(common.find((one) => one._id === attachmentMd5).n >= 1);
    await fails(mailsac.attachments.listPublicAttachments({}), 400);
    assert.ok((await call(mailsac.attachments.countPublicAttachments(attachmentMd5))).n >= 1);
    assert.deepEqual(await call(mailsac.attachments.countPublicAttachments("0".repeat(32))), { n: 0 });
    const messages = await call(mailsac.attachments.listMessagesForAttachment(attachmentMd5));
    areMessages(messages);
    assert.ok(messages.some((one) => one._id === id));
    assert.deepEqual(await call(mailsac.attachments.listMessagesForAttachment("0".repeat(32))), []);
    const content = await call(mailsac.attachments.downloadPublicAttachment(attachmentMd5, { format: "arraybuffer" }));
    assert.deepEqual(Buffer.from(content), attachment);
  });
});

describe("validation and statistics", () => {
  test("addresses", async () => {
    const one = await call(mailsac.emailValidation.validateAddress("Someone@Example.com"));
    isValidation(one);
    assert.deepEqual([one.isValidFormat, one.local, one.domain], [true, "someone", "example.com"]);
    const many = await call(mailsac.emailValidation.validateAddressesBulk({ emails: ["a@mailinator.com", "broken@", "b@example.com"] }));
    many.forEach(isValidation);
    assert.deepEqual(many.map((each) => each.isValidFormat), [true, false, true]);
    assert.deepEqual(many.map((each) => each.isDisposable), [true, false, false]);
    await fails(mailsac.emailValidation.validateAddressesBulk({ emails: Array(51).fill("a@example.com") }), 400);
  });

  test("what is frequent", async () => {
    const { email } = await filled();
    const query = { startDate: new Date(Date.now() - 86400e3), endDate: new Date(Date.now() + 86400e3), limit: 1000 };
    for (const [method, member] of [
      ["listTopPublicAddresses", email],
      ["listTopPublicSenders", "ann@sender.example"],
      ["listTopPublicDomains", domain],
    ]) {
      const tallies = await call(mailsac.messageStats[method](query));
      areTallies(tallies);
      assert.ok(tallies.some((one) => one._id === member), `${method} lacks ${member}`);
      areTallies(await call(mailsac.messageStats[method]()));
    }
  });

  test("the deny list", async () => {
    const all = await call(mailsac.messageStats.denylist());
    assert.ok(Array.isArray(all));
    assert.deepEqual(await call(mailsac.messageStats.checkDenylist("unlisted.example")), { blacklisted: false });
  });
});

// Last: it empties the domain that all others use.
describe("a whole domain", () => {
  test("is emptied, starred mail too", async () => {
    const { email, id } = await filled();
    await call(mailsac.messages.toggleMessageStar(email, id));
    assert.equal(await call(mailsac.messages.deleteAllDomainMessages(domain), 204), "");
    assert.deepEqual(await call(mailsac.messages.listDomainMessages(domain)), []);
  });
});
