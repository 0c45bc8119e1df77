// What the suites share: where the server is, how mail gets into it, and what each object of the API looks like.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import nodemailer from "nodemailer";

const { BASE_URL, SMTP_PORT, MAILSAC_KEY, MAILSAC_DOMAIN } = process.env;

export const baseURL = BASE_URL; // of the API, with /api
export const smtpPort = Number(SMTP_PORT);
export const key = MAILSAC_KEY;
export const domain = MAILSAC_DOMAIN; // one that the account owns, where there are accounts
export const webSocketURL = BASE_URL.replace(/^http/, "ws").replace(/\/api$/, "/incoming-messages");

let count = 0;
/** An address that no other test uses, in the account's domain. */
export const freshAddress = (name = "box") => `${name}-${process.pid}-${(count += 1)}@${domain}`;

export const attachment = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0xff, 0xfe, 0x00, 0x80]);
export const attachmentMd5 = createHash("md5").update(attachment).digest("hex");

/** Send one mail by SMTP; resolves after the 250. */
export const send = (to, extra = {}) =>
  nodemailer
    .createTransport({ host: "127.0.0.1", port: smtpPort, ignoreTLS: true })
    .sendMail({
      from: { name: "Ann Sender", address: "ann@sender.example" },
      to,
      subject: "Greetings",
      text: "Hello, see https://example.com/path?token=abc now",
      ...extra,
    });

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const text = (value) => assert.equal(typeof value, "string");
const orNull = (check) => (value) => value === null || check(value);
const boolean = (value) => assert.equal(typeof value, "boolean");
const integer = (value) => assert.ok(Number.isInteger(value), `${value} is not an integer`);
const bit = (value) => assert.ok(value === 0 || value === 1, `${value} is not 0 or 1`);
const date = (value) => assert.match(value, ISO);
const listOf = (check) => (value) => {
  assert.ok(Array.isArray(value), `${JSON.stringify(value)} is no list`);
  value.forEach(check);
};
const email = (value) => assert.match(value, /^[^@\s]+@[^@\s]+$/);

/** Every field must be there and pass its check; there may be more fields. */
const shape = (fields) => (value) => {
  assert.ok(value && typeof value === "object" && !Array.isArray(value), `${JSON.stringify(value)} is no object`);
  for (const [name, check] of Object.entries(fields)) {
    assert.ok(name in value, `no ${name} in ${JSON.stringify(value)}`);
    try {
      check(value[name]);
    } catch (error) {
      error.message = `${name}: ${error.message}`;
      throw error;
    }
  }
};

const recipient = shape({ address: text, name: text });

export const isMessage = shape({
  _id: (value) => assert.match(value, /^[A-Za-z0-9_]+-\d+$/),
  from: listOf(recipient),
  to: listOf(recipient),
  cc: listOf(recipient),
  bcc: listOf(recipient),
  subject: text,
  savedBy: orNull(text),
  inbox: email,
  originalInbox: email,
  domain: text,
  received: date,
  size: integer,
  attachments: listOf((value) => assert.match(value, /^[0-9a-f]{32}$/)),
  ip: text,
  via: text,
  folder: (value) => assert.ok(["inbox", "all", "spam", "trash"].includes(value)),
  labels: listOf(text),
  read: orNull(boolean),
  rtls: boolean,
  links: listOf(text),
  spam: (value) => assert.equal(typeof value, "number"),
});
export const areMessages = listOf(isMessage);

export const isAddress = shape({
  _id: email,
  owner: text,
  info: text,
  forward: orNull(email),
  enablews: orNull(boolean),
  enabledws: orNull(boolean),
  webhook: orNull(text),
  webhookSlack: orNull(text),
  webhookSlackToFrom: orNull(boolean),
  encryptedInbox: (value) => assert.match(value, /^inbox-[0-9a-f]+@/),
  catchAll: orNull(text),
  password: (value) => assert.equal(value, null),
  created: date,
  updated: date,
});
export const areAddresses = listOf(isAddress);

export const isDomain = shape({
  _id: text,
  owner: text,
  created: date,
  updated: date,
  enablews: boolean,
  hosted: boolean,
  isDefault: boolean,
  isPrivate: boolean,
  lastVerificationErrors: text,
  verificationTxt: (value) => assert.match(value, /^mailsac_[0-9A-Za-z]{24}$/),
  verified: boolean,
  verifiedMx: boolean,
});
export const areDomains = listOf(isDomain);

export const areAttachments = listOf(
  shape({
    checksum: (value) => assert.match(value, /^[0-9a-f]{32}$/),
    contentDisposition: (value) => assert.ok(["attachment", "inline"].includes(value)),
    contentId: text,
    contentType: text,
    fileName: text,
    length: integer,
    transferEncoding: text,
  }),
);

export const isAccount = shape({
  _id: text,
  email: text,
  invoiceEmail: text,
  capturePrivate: boolean,
  messageLimit: integer,
  privateDomain: integer,
  privateAddressCredits: integer,
  whitelistAccess: bit,
  allowPublicDomains: bit,
  viewAnalytics: bit,
  apiAccess: bit,
  wsDomain: bit,
  manyKeys: bit,
  internalUnlimited: bit,
  allowMultipleUsers: bit,
  firehose: integer,
  moAPIDisabled: integer,
  moAPILimitWarningEmail: integer,
  moAPICount: integer,
  apiMonthlyLimit: integer,
  userLimit: integer,
  recents: listOf(email),
  labels: listOf(text),
  lastLogin: date,
  disableSpam: boolean,
  apiKeyName: text,
});

export const isStats = shape({
  addresses: listOf(text),
  domains: listOf(text),
  starredMessages: integer,
  storedMessages: integer,
  inboxBytes: integer,
  lastMonthOps: integer,
  nonOwnedInboxes: listOf(text),
});

export const isValidation = shape({
  email: text,
  validFormat: boolean,
  isValidFormat: boolean,
  local: text,
  domain: text,
  isDisposable: boolean,
  disposableDomains: listOf(text),
  aliases: listOf(text),
});

export const areTallies = listOf(shape({ _id: text, n: integer }));

/** The request fails with that status and, where it is given, that text. */
export const fails = async (promise, status, message) => {
  const error = await promise.then(
    () => assert.fail("it succeeded"),
    (caught) => caught,
  );
  assert.equal(error.response?.status, status, `${error.message} ${JSON.stringify(error.response?.data)}`);
  assert.equal(typeof error.response.data.message, "string");
  if (message !== undefined) assert.equal(error.response.data.message, message);
};
