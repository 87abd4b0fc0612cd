// Looks at the live page with Chromium. PAGE is its address, CONTROL that of what hurts, stops and starts its program.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { start } from "./chromium.mjs";

const url = process.env.PAGE, control = process.env.CONTROL;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const order = async path => (await fetch(control + path, { method: "POST" })).text();

function want(ok, what) {
  if (!ok) throw new Error(what);
}

async function step(name, f) {
  const begin = Date.now();
  try {
    await f();
    console.log(`ok   ${name} (${Date.now() - begin} ms)`);
  } catch (e) {
    console.log(`FAIL ${name} (${Date.now() - begin} ms): ${e.stack ?? e}`);
    process.exitCode = 1;
  }
}

const browser = await start();
const complaints = [];
let lost = false; // the server is away, and the browser may say so

async function open(o = {}, fragment = "") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...o });
  context.setDefaultTimeout(15000);
  const page = await context.newPage();
  page.on("console", m => { if (["error", "warning"].includes(m.type()) && !lost) complaints.push(m.text()); });
  page.on("pageerror", e => complaints.push(e.message));
  page.on("request", r => { if (!r.url().startsWith(url) && !r.url().startsWith("data:")) complaints.push("request to " + r.url()); });
  await page.goto(url + fragment);
  await page.waitForSelector('#connection[data-is="live"]');
  return page;
}

const replicas = JSON.parse(await order("/"));
const host = addr => new URL(addr).host;
const row = (page, i) => page.locator("#replicas tbody tr", { hasText: host(replicas[i]) });

let page;

await step("loads", async () => {
  page = await open();
  want((await page.title()).includes("test"), "the title is " + await page.title());
  want(await page.locator("#replicas tbody tr").count() === 3, "not three replicas");
  want(await page.locator(".chart canvas").count() === 6, "not six charts");
});

await step("updates by itself", async () => {
  const calls = page.locator("figure", { hasText: "Calls a second" }).first();
  await page.waitForFunction(() => /ok [1-9]/.test(document.querySelector('.plot[aria-label^="Calls a second"]').getAttribute("aria-label")));
  await calls.getByRole("button", { name: "Table of calls a second" }).click();
  const rows = calls.locator("tbody tr"), before = await rows.count(), first = await rows.first().textContent();
  want(before > 0 && await calls.locator(".plot").isHidden(), "no table in place of the chart");
  await page.waitForFunction(first => document.querySelector(".numbers tbody tr").textContent !== first, first);
  await calls.getByRole("button", { name: "Table of calls a second" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#decisions tbody tr").length > 5);
});

await step("names and errors of others stay text", async () => {
  const evil = await open({}, "#" + new URLSearchParams({ s: '<img src="/x" onerror="window.hacked=1">', outcome: "failed" }));
  await evil.waitForFunction(() => document.querySelector(".error-line")?.textContent.includes("onerror"));
  want(await evil.locator("#service-title").textContent() === '<img src="/x" onerror="window.hacked=1">', "another service");
  await evil.locator("#decisions tbody a").first().click();
  await evil.waitForSelector("#detail .try");
  want(await evil.locator("img").count() === 0 && await evil.evaluate(() => window.hacked) === undefined, "a name has become HTML");
  await evil.context().close();
});

await step("shows an ejection within 2 s", async () => {
  const broken = Date.now();
  await order("/break?replica=1");
  await page.waitForFunction(h => [...document.querySelectorAll("#events .event.bad")].some(e => e.textContent.includes(h) && e.textContent.includes("ejected")), host(replicas[1]), { polling: 20 });
  await page.waitForFunction(h => [...document.querySelectorAll("#replicas tbody tr")].some(r => r.textContent.includes(h) && /ejected|on trial/.test(r.querySelector(".state").textContent)), host(replicas[1]), { polling: 20 });
  const now = Date.now(), happened = Date.parse(await page.locator("#events .event.bad", { hasText: host(replicas[1]) }).locator("time").last().getAttribute("datetime"));
  console.log(`     seen after ${now - happened} ms, ${now - broken} ms after the replica broke`);
  want(now - happened < 2000, `it took ${now - happened} ms`);
  want((await page.locator("#verdict").textContent()).includes("1 of 3 out"), "the service looks well");
  await page.waitForFunction(() => document.querySelector("#say").textContent.includes("ejected")); // aloud
});

await step("leads to a decision by keyboard alone", async () => {
  const keys = await open({}, "#s=users&outcome=retried&service=users");
  await keys.waitForSelector("#decisions tbody a");
  let at = "", presses = 0;
  while (!at.startsWith("Call at") && presses++ < 120) {
    await keys.keyboard.press("Tab");
    at = await keys.evaluate(() => document.activeElement.getAttribute("aria-label") ?? "");
  }
  want(at.startsWith("Call at"), "Tab does not lead to a decision");
  want(await keys.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none"), "the focus cannot be seen");
  await keys.keyboard.press("Enter");
  await keys.waitForSelector("#detail[open] .try table");
  const text = await keys.locator("#detail").textContent();
  want(text.includes("tried already") && text.includes("chosen") && text.includes("retry"), "the detail says: " + text);
  const link = keys.url();
  want(/[#&]d=\w+-\d+/.test(link), "no link to the decision: " + link);
  await keys.keyboard.press("Escape");
  await keys.waitForSelector("#detail:not([open])", { state: "attached" });
  want(await keys.evaluate(() => document.activeElement.getAttribute("aria-label")) === at, "the focus is lost");
  want(!keys.url().includes("d="), "the link still leads there");
  const linked = await open({}, link.slice(link.indexOf("#")));
  await linked.waitForSelector("#detail[open] .try");
  await linked.context().close();
  await keys.context().close();
});

await step("of many replicas shows first who is out", async () => {
  await page.goto(url + "#s=fleet");
  await page.waitForFunction(() => /^10.0.0.59:80/.test(document.querySelector("#replicas tbody tr")?.textContent) && document.querySelector("#verdict").textContent === "1 of 60 out");
  want(await page.locator("#replicas tbody tr").count() === 20, "not twenty rows");
  await page.waitForFunction(() => document.querySelector('.plot[aria-label^="p99, by replica"]').getAttribute("aria-label").includes("10.0.0.59:80")); // among eight lines
  await page.getByRole("button", { name: "Show all 60" }).click();
  want(await page.locator("#replicas tbody tr").count() === 60, "not all rows");
  await page.getByRole("button", { name: "Show fewer" }).click();
  await page.getByLabel("Find").fill("0.0.7");
  await page.waitForFunction(() => document.querySelectorAll("#replicas tbody tr").length === 1);
  want(page.url().includes("find=0.0.7"), "what is looked for is not in the link");
  await page.getByLabel("Find").fill("");
  await page.getByRole("link", { name: "users" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#replicas tbody tr").length === 3);
});

await step("says what stands", async () => {
  await order("/notice?text=" + encodeURIComponent("refused: <img>"));
  await page.getByRole("alert").filter({ hasText: "refused: <img>" }).waitFor();
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  want(found.violations.length === 0, found.violations.map(v => v.id).join());
  await order("/notice?text=");
  await page.locator("#notice").waitFor({ state: "hidden" });
});

await step("leaves its connection to others while nobody sees it", async () => {
  const context = await browser.newContext(), hide = (on, p) => p.evaluate(on => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => on });
    document.dispatchEvent(new Event("visibilitychange"));
  }, on);
  const pages = [];
  for (let i = 0; i < 8; i++) { // a browser has six connections to one program
    const one = await context.newPage();
    await one.goto(url, { timeout: 5000 });
    await one.waitForSelector('#connection[data-is="live"]', { timeout: 5000 });
    await hide(true, one);
    pages.push(one);
  }
  await pages[0].waitForSelector('#connection[data-is="away"]');
  await hide(false, pages[0]);
  await pages[0].waitForSelector('#connection[data-is="live"]');
  await context.close();
});

await step("says that too many watch", async () => {
  const stop = new AbortController();
  for (let code = 200; code === 200;) code = (await fetch(url + "events", { signal: stop.signal })).status;
  lost = true;
  const late = await (await browser.newContext()).newPage();
  await late.goto(url);
  await late.waitForSelector('#connection[data-is="full"]');
  stop.abort();
  await late.waitForSelector('#connection[data-is="live"]');
  await late.context().close();
  lost = false;
});

await step("filters", async () => {
  await page.locator('#filter [name="outcome"]').selectOption("retried");
  await page.waitForFunction(() => { const rows = [...document.querySelectorAll("#decisions tbody tr")]; return rows.length > 0 && rows.every(r => r.textContent.includes("retried")); });
  await page.locator('#filter [name="text"]').fill("no such thing");
  await page.waitForFunction(() => document.querySelectorAll("#decisions tbody tr").length === 0);
  want(page.url().includes("outcome=retried"), "the filter is not in the link");
  await page.locator('#filter [name="text"]').fill("");
  await page.locator('#filter [name="outcome"]').selectOption("");
});

await step("passes axe, and fits", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 360]) {
      const one = await open({ colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" });
      await one.waitForSelector("#decisions tbody tr");
      await one.getByRole("button", { name: "Table of latency of answers" }).click();
      const check = async where => {
        await one.evaluate(axe);
        const found = await one.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        want(found.violations.length === 0, `${where}, ${colorScheme}, ${width}: ` + found.violations.map(v => `${v.id} (${v.nodes[0].html} ${v.nodes[0].failureSummary})`).join("\n"));
        const over = await one.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        want(over <= 0, `${where}, ${width}: ${over} pixels too wide`);
      };
      await check("page");
      await one.locator("#decisions tbody a").first().click();
      await one.waitForSelector("#detail[open] .try");
      await check("detail");
      await one.context().close();
    }
  }
});

await step("reads only", async () => {
  want(await page.getByRole("button", { name: /Drain/ }).count() === 0, "it offers to drain");
  const refused = await page.evaluate(async replica => {
    const r = await fetch("/api/act", { method: "POST", headers: { "Content-Type": "application/json", "Rota-Dash": "1" }, body: JSON.stringify({ act: "drain", service: "users", replica, confirm: true }) });
    return r.status;
  }, replicas[0]).finally(() => complaints.splice(0, complaints.length, ...complaints.filter(c => !c.includes("403"))));
  want(refused === 403, "drain = " + refused);
});

await step("survives a restart", async () => {
  await order("/mend?replica=1");
  lost = true;
  await page.evaluate(() => { window.same = true; });
  await order("/stop");
  await page.waitForSelector('#connection[data-is="lost"]');
  want((await page.locator("#connection").textContent()).includes("trying again"), "it does not say so");
  await order("/start?write=1");
  await page.waitForSelector('#connection[data-is="live"]');
  lost = false;
  await page.waitForFunction(() => /ok [1-9]/.test(document.querySelector('.plot[aria-label^="Calls a second"]').getAttribute("aria-label")));
  want(await page.evaluate(() => window.same), "the page was loaded anew");
});

await step("asks before it writes", async () => {
  const drain = row(page, 0).getByRole("button", { name: /^Drain/ });
  await drain.click();
  await page.waitForSelector("#confirm[open]");
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run("#confirm", { resultTypes: ["violations"] }));
  want(found.violations.length === 0, found.violations.map(v => v.id).join());
  await page.keyboard.press("Enter"); // on Cancel, which has the focus
  await page.waitForSelector("#confirm:not([open])", { state: "attached" });
  want(!(await order("/log")).includes('msg="admin: done" act=drain'), "it drains without a yes");
  await drain.click();
  await page.getByRole("button", { name: "Do it" }).click();
  await row(page, 0).locator(".badge", { hasText: "drained" }).waitFor();
  want((await order("/log")).includes(`msg="admin: done" act=drain service=users replica=${replicas[0]}`), "no line in the log");
  await row(page, 1).getByRole("button", { name: /^Weight/ }).click();
  await page.locator("#weight").fill("7");
  await page.keyboard.press("Enter");
  await page.waitForFunction(h => [...document.querySelectorAll("#replicas tbody tr")].some(r => r.textContent.includes(h) && r.textContent.includes("7 by hand")), host(replicas[1]));
  await row(page, 0).getByRole("button", { name: /^Take back/ }).click();
  await page.getByRole("button", { name: "Do it" }).click();
  await row(page, 0).locator(".badge", { hasText: /ok|warming/ }).waitFor();
});

await step("asks for its token", async () => {
  lost = true;
  await order("/stop");
  await order("/start?token=0123456789abcdef");
  await page.waitForSelector("#token"); // the page finds that it is asked, and loads anew
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  want(found.violations.length === 0, found.violations.map(v => v.id).join());
  await page.locator("#token").fill("not the token, this");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".error");
  await page.goto(url + "#outcome=ok");
  await page.reload();
  await page.locator("#token").fill("0123456789abcdef");
  await page.keyboard.press("Enter");
  await page.waitForSelector('#connection[data-is="live"]');
  want(page.url().endsWith("#outcome=ok"), "the link is lost: " + page.url());
  want(!(await order("/log")).includes("0123456789abcdef"), "the token is in the log");
  lost = false;
});

await step("says nothing on the console, and asks no other host", async () => want(complaints.length === 0, complaints.join("\n")));

await browser.close();
