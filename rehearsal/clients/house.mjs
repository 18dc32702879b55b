// Keyward behind Caddy, with a certificate for every host, and the apps.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";

import { address, apps } from "./apps.mjs";
import { registration } from "./guides.mjs";
import { receive } from "./mail.mjs";
import { start, until } from "./programs.mjs";

const KEYWARD = 3000;
const MAIL = 2525;
const FIRST_APP = 8001;

/** Starts everything in `folder`. The network is a namespace of its own, so every port is free. */
export async function open({ folder, caddy, python, service, app: example }) {
  const at = (name) => `${folder}/${name}`;
  const authority = at("caddy/pki/authorities/local/root.crt");
  const clean = { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" };
  // The way each of them is told of one more authority: OpenSSL and rustls, requests, Node.
  const trusting = { ...clean, SSL_CERT_FILE: authority, REQUESTS_CA_BUNDLE: authority, NODE_EXTRA_CA_CERTS: authority };

  writeFileSync(at("Caddyfile"), caddyfile(at("caddy")));
  await start("caddy", [caddy, "run", "--adapter", "caddyfile", "--config", at("Caddyfile")],
    { log: at("caddy.log"), port: 443, env: clean });
  await until("the root of Caddy's authority", () => existsSync(authority));
  // Apache reads it as another user.
  for (const open of [folder, at("caddy"), at("caddy/pki"), at("caddy/pki/authorities"), at("caddy/pki/authorities/local")]) {
    chmodSync(open, 0o755);
  }
  chmodSync(authority, 0o644);
  trustInBrowser(folder, authority);

  receive(MAIL);
  mkdirSync(at("secrets"));
  const secret = (name) => {
    const text = randomBytes(32).toString("hex");
    writeFileSync(at(`secrets/${name}`), text, { mode: 0o600 });
    return text;
  };
  ["encryption", "audit", "encryption-of-notes"].forEach(secret);
  const secrets = Object.fromEntries(apps.map(({ id }) => [id, secret(id)]));
  writeFileSync(at("keyward.toml"), configuration(folder));
  await start("auth-service", [service, "serve", "--config", at("keyward.toml")],
    { log: at("auth-service.log"), port: KEYWARD, env: trusting });
  const answer = () => fetch(`http://127.0.0.1:${KEYWARD}/.well-known/openid-configuration`);
  await until("Keyward to answer", async () => (await answer()).ok);

  for (const [index, app] of apps.entries()) {
    if (!app.command) continue;
    const port = String(FIRST_APP + index);
    const place = { folder, python, port, app: example };
    const env = {
      ...trusting,
      AUTHORITY: authority,
      FOLDER: folder,
      PORT: port,
      CLIENT_SECRET: secrets[app.id],
      SESSION_SECRET: randomBytes(32).toString("hex"),
      ...app.environment?.(place),
    };
    if (app.before) {
      const [program, ...words] = app.before(place);
      execFileSync(program, words, { env, cwd: folder });
    }
    await start(app.client, app.command(place), { log: at(`${app.id}.log`), port, env, cwd: folder });
  }
}

function caddyfile(storage) {
  const site = (host, directives) => `${host} {\n${directives.map((line) => `\t${line}\n`).join("")}}\n`;
  const options = ["admin off", "auto_https disable_redirects", "local_certs", "skip_install_trust",
    `storage file_system ${storage}`];
  const sites = apps.map((app, index) => site(new URL(address(app)).host, app.folders
    ? [`@library path /oidc-client-ts.min.js`, `root ${app.folders[0]}`, `root @library ${app.folders[1]}`, "file_server"]
    : [`reverse_proxy 127.0.0.1:${FIRST_APP + index}`]));
  return [site("", options), site("auth.example.com", [`reverse_proxy 127.0.0.1:${KEYWARD}`]), ...sites].join("\n");
}

/** Chromium trusts what the person's own certificate database says. */
function trustInBrowser(home, authority) {
  const database = `${home}/.pki/nssdb`;
  mkdirSync(database, { recursive: true });
  execFileSync("certutil", ["-N", "--empty-password", "-d", `sql:${database}`]);
  execFileSync("certutil", ["-A", "-d", `sql:${database}`, "-n", "rehearsal", "-t", "C,,", "-i", authority]);
}

/** Every app as its guide declares it, the secrets in this folder. */
const configuration = (folder) => `
[server]
public_url = "https://auth.example.com"
listen = "127.0.0.1:${KEYWARD}"
trusted_proxies = ["127.0.0.0/8"]

[database]
path = "${folder}/keyward.sqlite"

[keys]
encryption = "file:${folder}/secrets/encryption"
audit = "file:${folder}/secrets/audit"

[mail]
from = "no-reply@example.com"

[mail.transport]
kind = "smtp"
host = "localhost"
port = ${MAIL}
security = "none"

[egress]
allowed_networks = ["127.0.0.0/8"]
${apps.map(registration).join("\n").replaceAll("file:/etc/keyward/secrets/", `file:${folder}/secrets/`)}`;
