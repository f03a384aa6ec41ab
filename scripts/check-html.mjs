// Opens pages in a real browser and says what is wrong with them: rules of
// accessibility that they break (axe-core), what runs over the edge of a screen, and
// what they ask of the network.
//
// node check-html.mjs MODULES BROWSER PICTURES PAGE.html…
//
// MODULES is a directory with axe-core and playwright-core. Pictures of every page, on
// a wide screen, on a phone, in the dark and on paper, go to PICTURES. Exit code 1 when
// anything is wrong.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, browser, pictures, ...pages] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const VIEWS = [
  { name: "wide", width: 1280, height: 1000, colorScheme: "light" },
  { name: "dark", width: 1280, height: 1000, colorScheme: "dark" },
  { name: "phone", width: 390, height: 844, colorScheme: "light" },
  { name: "phone-dark", width: 390, height: 844, colorScheme: "dark" },
];

const profile = mkdtempSync(join(tmpdir(), "check-html-"));
const wrong = [];
let checks = 0;

const context = (view) =>
  chromium.launchPersistentContext(join(profile, view.name), {
    executablePath: browser,
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
    viewport: { width: view.width, height: view.height },
    colorScheme: view.colorScheme,
    // axe runs beside the page; the page itself has no scripts.
    bypassCSP: false,
    offline: true,
  });

for (const view of VIEWS) {
  const opened = await context(view);
  for (const file of pages) {
    const name = basename(file, ".html");
    const where = `${name} (${view.name})`;
    const page = await opened.newPage();
    const url = pathToFileURL(resolve(file)).href;
    page.on("console", (message) => wrong.push(`${where}: console: ${message.text()}`));
    page.on("pageerror", (error) => wrong.push(`${where}: script: ${error}`));
    page.on("request", (request) => {
      if (request.url() !== url) wrong.push(`${where}: asks for ${request.url()}`);
    });
    await page.goto(url);
    await page.screenshot({ path: join(pictures, `${name}-${view.name}.png`), fullPage: true });
    // What is folded away has to be right too.
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
    const over = await page.evaluate(() =>
      Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth);
    if (over > 0) wrong.push(`${where}: runs ${over} pixels over the edge`);
    await page.evaluate(axe);
    const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const violation of result.violations) {
      for (const node of violation.nodes.slice(0, 5)) {
        wrong.push(`${where}: ${violation.id}: ${violation.help}: ${node.html.slice(0, 200)}: ` +
          node.any.map((one) => one.message).join("; "));
      }
    }
    checks += result.passes.length;
    if (view.name === "wide") {
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = false)));
      await page.pdf({ path: join(pictures, `${name}.pdf`), format: "A4" });
    }
    await page.close();
  }
  await opened.close();
}
rmSync(profile, { recursive: true, force: true });

for (const line of wrong) console.log(line);
console.log(`${pages.length} pages in ${VIEWS.length} views: ${checks} rules hold, ${wrong.length} problems`);
process.exit(wrong.length > 0 || checks === 0 ? 1 : 0);
