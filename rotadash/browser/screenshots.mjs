// Makes the pictures of the live page: screenshots.mjs PROGRAM DIRECTORY, where PROGRAM is stringsvc.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { start } from "./chromium.mjs";

const [program, directory] = process.argv.slice(2);
const demo = spawn(program, ["demo", "-base-port=28480", "-admin=127.0.0.1:0", "-rate=120"], { stdio: ["ignore", "pipe", "ignore"] });
const ended = new Promise(done => demo.once("exit", done));
const url = await new Promise((found, failed) => {
  createInterface({ input: demo.stdout }).on("line", line => { const m = /^\s+(http:\S+\/)$/.exec(line); if (m) found(m[1]); });
  ended.then(status => failed(new Error("the demo ended with status " + status)));
});

const wait = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
const act = (name, replica) => fetch(url + "api/act", {
  method: "POST", headers: { "Content-Type": "application/json", "Rota-Dash": "1" },
  body: JSON.stringify({ act: name, service: "uppercase", replica: `http://127.0.0.1:${28480 + replica}/uppercase` }),
});

const browser = await start();
async function shoot(file, colorScheme, width, height, fragment = "") {
  const page = await browser.newPage({ colorScheme, viewport: { width, height }, reducedMotion: "reduce" });
  await page.goto(url + fragment);
  await page.waitForSelector('#connection[data-is="live"]');
  await page.waitForSelector("#decisions tbody tr");
  await page.waitForFunction(() => document.querySelectorAll(".chart canvas").length === 6);
  if (fragment) await page.waitForSelector("#detail[open] .try");
  await page.screenshot({ path: join(directory, file) });
  await page.close();
}

// A story: one is slow and heals, one fails.
await wait(35);
await act("slow", 0);
await wait(20);
await act("heal", 0);
await wait(25);
await act("errors", 1);
await wait(15);
await shoot("dash-light.png", "light", 1280, 1080);
await shoot("dash-dark.png", "dark", 1280, 1080);
await shoot("dash-phone.png", "light", 390, 844);
const { boot, decisions } = await (await fetch(url + "api/decisions?outcome=retried&limit=1")).json();
await shoot("dash-decision.png", "light", 1000, 640, `#d=${boot}-${decisions[0].id}`);
await browser.close();
demo.kill("SIGINT");
await ended;
