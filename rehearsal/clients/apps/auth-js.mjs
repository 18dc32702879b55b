import { getToken } from "@auth/core/jwt";
import { ExpressAuth, getSession } from "@auth/express";
import express from "express";

const issuer = "https://auth.example.com";
const url = "https://blog.example.com/";
const cookie = "__Secure-authjs.session-token";

const config = {
  basePath: "/auth",
  trustHost: true,
  secret: process.env.SESSION_SECRET,
  providers: [{
    id: "keyward",
    name: "Keyward",
    type: "oidc",
    issuer,
    clientId: "blog",
    clientSecret: process.env.CLIENT_SECRET,
    checks: ["pkce", "state", "nonce"],
  }],
  callbacks: {
    // What signing out at Keyward needs later. The cookie that holds it is encrypted.
    jwt: ({ token, account }) => (account ? { ...token, idToken: account.id_token } : token),
  },
};

const app = express();
app.set("trust proxy", "loopback");
app.use("/auth", ExpressAuth(config));

// Auth.js ends its own session only; this ends the one at Keyward too.
app.post("/sign-out", async (request, response) => {
  const token = await getToken({ req: request, secret: config.secret, secureCookie: true });
  for (const pair of (request.headers.cookie ?? "").split("; ")) {
    if (pair.startsWith(cookie)) response.clearCookie(pair.split("=")[0], { secure: true });
  }
  const { end_session_endpoint } = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const query = new URLSearchParams({ id_token_hint: token?.idToken ?? "", post_logout_redirect_uri: url });
  response.redirect(303, token ? `${end_session_endpoint}?${query}` : "/");
});

const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

app.get("/", async (request, response) => {
  const person = (await getSession(request, config))?.user;
  response.send(person
    ? `<p>You are ${escape(person.name ?? person.email)} (${escape(person.email)}).</p>
       <form method="post" action="/sign-out"><button>Sign out</button></form>`
    : `<a href="/auth/signin">Sign in</a>`);
});

app.listen(process.env.PORT, "127.0.0.1");
