// Starts Chromium as the tests and the screenshots want it: alone, without a network of its own, in a fresh directory.

import { chromium } from "playwright-core";

export const start = () => chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
