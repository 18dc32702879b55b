// The library that openid-client and Auth.js stand on, used by itself.
import express from "express";
import session from "express-session";
import * as oauth from "oauth4webapi";

const url = new URL("https://forum.example.com/");
const callback = new URL("/callback", url).href;
const issuer = new URL("https://auth.example.com");
const client = { client_id: "forum" };
const authentication = oauth.ClientSecretPost(process.env.CLIENT_SECRET);
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));

const app = express();
app.set("trust proxy", "loopback");
app.use(session({
  name: "__Host-forum",
  secret: process.env.SESSION_SECRET,
  resave: false,
  saveUninitialized: false,
  cookie: { httpOnly: true, secure: true, sameSite: "lax" },
}));

app.get("/sign-in", async (request, response) => {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  request.session.pending = { verifier, state, nonce };
  const to = new URL(server.authorization_endpoint);
  to.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: callback,
    response_type: "code",
    scope: "openid profile email",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  });
  response.redirect(to.href);
});

app.get("/callback", async (request, response) => {
  const { verifier, state, nonce } = request.session.pending;
  const parameters = oauth.validateAuthResponse(server, client, new URL(request.originalUrl, url), state);
  const tokens = await oauth.processAuthorizationCodeResponse(
    server,
    client,
    await oauth.authorizationCodeGrantRequest(server, client, authentication, parameters, callback, verifier),
    { expectedNonce: nonce, requireIdToken: true },
  );
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const person = await oauth.processUserInfoResponse(
    server, client, sub, await oauth.userInfoRequest(server, client, tokens.access_token));
  request.session.pending = undefined;
  request.session.person = { name: person.name, email: person.email };
  request.session.idToken = tokens.id_token;
  response.redirect("/");
});

app.post("/sign-out", (request, response) => {
  const to = new URL(server.end_session_endpoint);
  to.search = new URLSearchParams({ id_token_hint: request.session.idToken, post_logout_redirect_uri: url.href });
  request.session.destroy(() => response.redirect(303, to.href));
});

app.get("/", (request, response) => {
  const { person } = request.session;
  response.send(person
    ? `<p>You are ${person.name} (${person.email}).</p><form method="post" action="/sign-out"><button>Sign out</button></form>`
    : `<a href="/sign-in">Sign in</a>`);
});

app.listen(process.env.PORT, "127.0.0.1");
