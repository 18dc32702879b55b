// Programs that the rehearsal starts, and ends again by their process.
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { connect } from "node:net";

const running = [];

/** Waits until `attempt` answers with something; after half a minute it fails, saying what was missing. */
export async function until(what, attempt) {
  const end = Date.now() + 30_000;
  for (;;) {
    const answer = await attempt();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`after 30 s still waiting for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const listens = (port) => new Promise((done) => {
  const socket = connect(port, "127.0.0.1", () => { socket.destroy(); done(true); });
  socket.on("error", () => done(false));
});

/** Starts a program that writes to `log`, and waits until it listens. */
export async function start(name, [command, ...words], { log, port, env, cwd }) {
  const output = openSync(log, "a");
  const child = spawn(command, words, { stdio: ["ignore", output, output], env, cwd });
  const ended = new Promise((done) => { child.on("exit", done); child.on("error", done); });
  const program = { name, child, ended, log };
  running.push(program);
  let over = false;
  ended.then(() => { over = true; });
  await until(`${name} to listen`, async () => {
    if (over) throw new Error(`${name} ended at once:\n${tail(log)}`);
    return listens(port);
  });
}

/** Ends them all, the last first. */
export async function stopAll() {
  for (const { child, ended } of running.splice(0).reverse()) {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 12_000);
    await ended;
    clearTimeout(late);
  }
}

const tail = (file) => readFileSync(file, "utf8").slice(-3000);

/** What each said last. */
export const lastWords = () => running.map(({ name, log }) => `--- ${name} ---\n${tail(log)}`).join("\n");
