import express from "express";
import session from "express-session";
import * as client from "openid-client";

const url = new URL("https://wiki.example.com/");
const secret = process.env.CLIENT_SECRET;
const keyward = await client.discovery(
  new URL("https://auth.example.com"), "wiki", {}, client.ClientSecretBasic(secret));

const app = express();
app.set("trust proxy", "loopback");
app.use(session({
  name: "__Host-wiki",
  secret: process.env.SESSION_SECRET,
  resave: false,
  saveUninitialized: false,
  cookie: { httpOnly: true, secure: true, sameSite: "lax" },
}));

app.get("/sign-in", async (request, response) => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  request.session.pending = { pkceCodeVerifier, expectedState, expectedNonce };
  response.redirect(client.buildAuthorizationUrl(keyward, {
    redirect_uri: new URL("/callback", url).href,
    scope: "openid profile email",
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  }).href);
});

app.get("/callback", async (request, response) => {
  const { pending } = request.session;
  if (!pending) return response.status(400).send("This sign-in began elsewhere, or its cookie was not kept. <a href=/>Begin again</a>");
  const tokens = await client.authorizationCodeGrant(keyward, new URL(request.originalUrl, url), pending);
  const { sub } = tokens.claims();
  const person = await client.fetchUserInfo(keyward, tokens.access_token, sub);
  // Another session id than before, so that nobody can have planted it.
  await new Promise((done, failed) => request.session.regenerate((error) => (error ? failed(error) : done())));
  request.session.person = { sub, name: person.name ?? person.email, email: person.email };
  request.session.idToken = tokens.id_token;
  response.redirect("/");
});

app.post("/sign-out", (request, response) => {
  const { idToken } = request.session;
  request.session.destroy(() => {
    response.redirect(303, client.buildEndSessionUrl(keyward, {
      id_token_hint: idToken,
      post_logout_redirect_uri: url.href,
    }).href);
  });
});

const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

app.get("/", (request, response) => {
  const { person } = request.session;
  response.send(person
    ? `<p>You are ${escape(person.name)} (${escape(person.email)}).</p>
       <form method="post" action="/sign-out"><button>Sign out</button></form>`
    : `<a href="/sign-in">Sign in</a>`);
});

app.listen(process.env.PORT, "127.0.0.1");
