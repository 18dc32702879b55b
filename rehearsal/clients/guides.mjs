// What the guides say of an app. That their code is what is run here is for the tests of `keyward` to see.
import { readFileSync } from "node:fs";

/** `[[clients]]` for an app: its own, or what its guide shows. */
export function registration({ id, guide, registration }) {
  if (registration) return registration;
  const text = readFileSync(new URL(`../../docs/guide/apps/${guide}`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/^```toml\n(.*?)^```/gms)].map(([, block]) => block);
  const found = blocks.filter((block) => block.includes(`client_id = "${id}"`));
  if (found.length !== 1) throw new Error(`${guide} registers ${id} ${found.length} times, not once`);
  return found[0];
}
