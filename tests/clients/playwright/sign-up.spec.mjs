import { randomUUID } from "node:crypto";
import api from "@mailsac/api";
import { expect } from "@playwright/test";
import { test } from "./shop.mjs"; // "@playwright/test", where the shop runs by itself

const url = process.env.MAILSAC_URL ?? "http://127.0.0.1:8025";
const mailsac = new api.Mailsac({ baseURL: `${url}/api`, headers: { "Mailsac-Key": "any, in open mode" } });

const signUp = async (page) => {
  const address = `customer@${randomUUID()}.example.com`;
  await page.goto("/");
  await page.getByLabel("E-mail").fill(address);
  await page.getByRole("button", { name: "Sign up" }).click();
  return address;
};

test("the address is verified, with the official client", async ({ page }) => {
  const address = await signUp(page);

  const waiting = { headers: { Prefer: "wait=10" } };
  const { data } = await mailsac.messages.listMessages(address, { subject: "welcome" }, waiting);
  await page.goto(data[0].links.find((link) => link.includes("/verify")));

  await expect(page.getByRole("heading")).toHaveText("Verified");
});

test("the address is verified, with fetch", async ({ page }) => {
  const address = await signUp(page);

  const response = await fetch(`${url}/link/${address}?kind=verify&wait=10`);
  const link = await response.text();
  expect(response.status, link).toBe(200); // in vain it says what came instead
  await page.goto(link.trim());

  await expect(page.getByRole("heading")).toHaveText("Verified");
});

test("in vain it says what came instead", async ({ page }) => {
  const address = await signUp(page);
  const waiting = { headers: { Prefer: "wait=10" } };
  await mailsac.messages.listMessages(address, {}, waiting);

  const error = await mailsac.messages
    .listMessages(address, { subject: "reset" }, { headers: { Prefer: "wait=0.1" } })
    .catch((caught) => caught);
  const response = await fetch(`${url}/link/${address}?kind=reset&wait=0.1`);

  expect(error.response.status).toBe(408);
  expect(error.response.data.arrived[0].whyNot).toBe("subject is 'Welcome to the shop', wanted 'reset'");
  expect(response.status).toBe(408);
  expect((await response.json()).arrived[0].whyNot).toBe("it has no link of the kind reset");
});
