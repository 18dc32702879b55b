// The apps: where each is, what it is registered by, and how it is started.
//
// Each has its own host, as its guide has it; /etc/hosts of the rehearsal's own namespace leads there.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url).pathname;
const ofNpm = (name) => JSON.parse(readFileSync(here(`node_modules/${name}/package.json`))).version;
const ofDebian = (name) => execFileSync("dpkg-query", ["-Wf", "${Version}", name], { encoding: "utf8" });
const ofPython = (name) => ({ python }) =>
  execFileSync(python, ["-c", `import importlib.metadata as m; print(m.version("${name}"))`], { encoding: "utf8" }).trim();

const ofWorkspace = () => readFileSync(here("../../Cargo.toml"), "utf8").match(/^version = "(.*)"$/m)[1];

const node = (file) => () => [process.execPath, here(`apps/${file}`)];

export const apps = [
  {
    client: "openid-client",
    version: () => ofNpm("openid-client"),
    guide: "node.md",
    id: "wiki",
    command: node("openid-client.mjs"),
  },
  {
    client: "oauth4webapi",
    version: () => ofNpm("oauth4webapi"),
    id: "forum",
    registration: `
[[clients]]
client_id = "forum"
client_name = "Forum"
redirect_uris = ["https://forum.example.com/callback"]
post_logout_redirect_uris = ["https://forum.example.com/"]
token_endpoint_auth_method = "client_secret_post"
scope = "openid profile email"
first_party = true
secret = "file:/etc/keyward/secrets/forum"
`,
    command: node("oauth4webapi.mjs"),
  },
  {
    client: "Auth.js (@auth/express)",
    version: () => ofNpm("@auth/express"),
    guide: "node.md",
    id: "blog",
    command: node("auth-js.mjs"),
    // Its own page, with a button for each provider.
    then: "Sign in with Keyward",
  },
  {
    client: "express-openid-connect",
    version: () => ofNpm("express-openid-connect"),
    guide: "node.md",
    id: "shop",
    command: node("express-openid-connect.mjs"),
    hearsOfSignOuts: true,
  },
  {
    client: "oidc-client-ts",
    version: () => ofNpm("oidc-client-ts"),
    guide: "single-page-app.md",
    id: "board",
    // Caddy hands the files out.
    folders: [here("apps/oidc-client-ts"), here("node_modules/oidc-client-ts/dist/browser")],
    renews: true,
  },
  {
    client: "Authlib (Flask)",
    version: ofPython("authlib"),
    guide: "python.md",
    id: "desk",
    command: ({ python, port }) =>
      [python, "-m", "flask", "--app", here("apps/authlib_flask.py"), "run", "--host", "127.0.0.1", "--port", port],
  },
  {
    client: "mozilla-django-oidc",
    version: ofPython("mozilla-django-oidc"),
    guide: "python.md",
    id: "tickets",
    before: ({ python }) => [python, "-m", "django", "migrate", "--verbosity", "0"],
    command: ({ python, port }) => [python, "-m", "django", "runserver", "--noreload", `127.0.0.1:${port}`],
    environment: ({ folder }) => ({
      DJANGO_SETTINGS_MODULE: "settings",
      PYTHONPATH: here("apps/django"),
      DATABASE: `${folder}/tickets.sqlite`,
    }),
  },
  {
    client: "mod_auth_openidc (Debian)",
    version: () => ofDebian("libapache2-mod-auth-openidc"),
    guide: "apache.md",
    id: "pages",
    home: "/private/",
    command: () => ["/usr/sbin/apache2", "-DFOREGROUND", "-f", here("apps/apache/apache.conf")],
    environment: () => ({ PAGES: here("apps/apache/pages"), GUIDE: here("apps/apache/keyward.conf") }),
    hearsOfSignOuts: true,
  },
  {
    client: "keyward-client (app-service)",
    version: ofWorkspace,
    guide: "rust-axum.md",
    id: "notes",
    home: "/protected",
    // As it shows a person.
    knows: ({ name, email }) => [name, email],
    command: ({ app, port }) => [app, "--listen", `127.0.0.1:${port}`, "--drain-seconds", "0"],
    environment: ({ folder }) => ({
      APP_URL: "https://notes.example.com",
      ISSUER_URL: "https://auth.example.com",
      CLIENT_ID: "notes",
      CLIENT_SECRET: `file:${folder}/secrets/notes`,
      SESSION_KEY: `file:${folder}/secrets/encryption-of-notes`,
    }),
    hearsOfSignOuts: true,
  },
];

/** Where an app is. */
export const address = ({ id }, path = "/") => `https://${id}.example.com${path}`;
