// The guides say what is run here, to the letter: the files of each app, and how it is registered.
import { readFileSync } from "node:fs";

import { apps, sources } from "./apps.mjs";

const read = (guide) => readFileSync(new URL(`../../docs/guide/apps/${guide}`, import.meta.url), "utf8");

/** The blocks of a guide in one language. */
const blocks = (guide, language) =>
  [...read(guide).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, text]) => text);

function one(what, found) {
  if (found.length !== 1) throw new Error(`${what} is there ${found.length} times, not once`);
  return found[0];
}

/** `[[clients]]` for an app. */
export const registration = ({ id, guide, registration }) =>
  registration ??
  one(`${guide}: [[clients]] of ${id}`, blocks(guide, "toml").filter((text) => text.includes(`client_id = "${id}"`)));

/** What follows `keyward client add ID` in the guide of an app. */
export function optionsOfCommand({ id, guide }) {
  const lines = blocks(guide, "sh").flatMap((text) => text.replaceAll("\\\n", " ").split("\n"));
  const start = `keyward client add ${id} `;
  const line = one(`${guide}: the command for ${id}`, lines.filter((line) => line.startsWith(start)));
  return [...line.slice(start.length).matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
}

/** Fails unless every file of an app stands in its guide. */
export function compare() {
  for (const app of apps.filter(({ guide }) => guide)) {
    const text = read(app.guide);
    for (const [file, source] of sources(app)) {
      if (!text.includes(`\n${source}\`\`\``)) throw new Error(`docs/guide/apps/${app.guide} shows another ${file} than is run`);
    }
  }
}
