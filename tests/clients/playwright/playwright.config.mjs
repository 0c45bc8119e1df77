import { defineConfig } from "@playwright/test";

export default defineConfig({
  fullyParallel: true,
  workers: 2,
  reporter: "line",
  // Debian's browser, instead of one that Playwright would download.
  use: { launchOptions: { executablePath: process.env.CHROMIUM } },
});
