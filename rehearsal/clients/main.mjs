// Signs a person in by every client of others, over TLS through Caddy in a browser, and prints what it saw.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

import { apps } from "./apps.mjs";
import { open } from "./house.mjs";
import * as person from "./journeys.mjs";
import { lastWords, stopAll } from "./programs.mjs";
import { table } from "./table.mjs";

const { values: places } = parseArgs({
  options: Object.fromEntries(
    ["caddy", "python", "chromium", "service", "app"].map((name) => [name, { type: "string" }]),
  ),
});

const folder = mkdtempSync(`${tmpdir()}/keyward-clients-`);
let browser;
let failed = true;
try {
  await open({ folder, ...places });
  browser = await chromium.launch({
    executablePath: places.chromium,
    env: { ...process.env, HOME: folder },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
  });
  await person.signUp(browser);
  const saw = await rehearse();
  console.log(table(saw, places));
  failed = [...saw.values()].some((row) => Object.values(row).includes("FAILED"));
} catch (error) {
  console.error(error);
} finally {
  await browser?.close();
  if (failed) console.error(lastWords());
  await stopAll();
  rmSync(folder, { recursive: true });
}
process.exitCode = failed ? 1 : 0;

/** What each app did, a row each. */
async function rehearse() {
  const saw = new Map(apps.map((app) => [app, {}]));
  /** Whether it went well. */
  const attempt = async (app, what, act) => {
    try {
      await act();
      saw.get(app)[what] = "yes";
    } catch (error) {
      saw.get(app)[what] = "FAILED";
      console.error(`${app.client}: ${what}: ${error.message}`);
    }
    return saw.get(app)[what] === "yes";
  };

  for (const app of apps) {
    await person.inABrowserOfItsOwn(browser, async (page) => {
      for (const [stage, act] of Object.entries(person.stages)) {
        if (!(await attempt(app, stage, () => act(page, app)))) break;
      }
    });
  }

  // One sign-in serves them all; the sign-out at the first is heard by those that listen.
  const [first, ...others] = apps;
  const listening = others.filter(({ hearsOfSignOuts }) => hearsOfSignOuts);
  await person.inABrowserOfItsOwn(browser, async (page) => {
    await person.stages["signed in"](page, first);
    for (const app of others) await attempt(app, "second app, silently", () => person.signInSilently(page, app));
    for (const app of listening) await attempt(app, "told of a sign-out", () => person.isStillKnown(page, app));
    await person.signOutAt(page, first);
    for (const app of listening.filter((app) => saw.get(app)["told of a sign-out"] === "yes")) {
      await attempt(app, "told of a sign-out", () => person.hasEnded(page, app));
    }
  });

  // The other way round: each that listens is the first, and hears of the sign-out at the second.
  for (const app of listening.filter((app) => saw.get(app)["told of a sign-out"] === "yes")) {
    await person.inABrowserOfItsOwn(browser, async (page) => {
      await person.stages["signed in"](page, app);
      if (!(await attempt(first, "second app, silently", () => person.signInSilently(page, first)))) return;
      await person.signOutAt(page, first);
      await attempt(app, "told of a sign-out", () => person.hasEnded(page, app));
    });
  }
  return saw;
}
