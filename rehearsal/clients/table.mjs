// What was seen, as `docs/reference/clients.md` has it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { apps } from "./apps.mjs";

// In the order of `journeys.mjs` and `main.mjs`.
const SEEN = ["signed in", "identity", "signed out", "second app, silently", "told of a sign-out"];

/** A row for each client, and what it ran with. */
export function table(saw, places) {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const rows = apps.map((app) => [app.client, app.version(places), ...SEEN.map((what) => saw.get(app)[what] ?? "–")]);
  return ["", row(["client", "version", ...SEEN]), row(Array(2 + SEEN.length).fill("---")), ...rows.map(row), "",
    `With ${surroundings(places).join(", ")}.`, ""].join("\n");
}

/** What is around them, with versions. */
function surroundings({ caddy, chromium, python }) {
  const say = (program, ...words) => execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  const system = readFileSync("/etc/os-release", "utf8").match(/^PRETTY_NAME="(.*)"$/m)?.[1] ?? "an unknown system";
  return [
    system,
    say(chromium, "--version").replace(/ (built on|snap).*$/, ""),
    `Caddy ${say(caddy, "version").split(" ")[0].replace("v", "")}`,
    `Node ${process.versions.node}`,
    say(python, "--version"),
    say("/usr/sbin/apache2", "-v").match(/Apache\/\S+/)[0].replace("/", " "),
  ];
}
