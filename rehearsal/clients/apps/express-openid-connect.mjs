import express from "express";
import session from "express-session";
import openid from "express-openid-connect";

const app = express();
app.set("trust proxy", "loopback");
app.use(openid.auth({
  issuerBaseURL: "https://auth.example.com",
  baseURL: "https://shop.example.com",
  clientID: "shop",
  clientSecret: process.env.CLIENT_SECRET,
  secret: process.env.SESSION_SECRET,
  authRequired: false,
  idpLogout: true,
  authorizationParams: { response_type: "code", response_mode: "query", scope: "openid profile email" },
  // Where sign-outs are kept that Keyward tells of. With several processes: a store that they share.
  backchannelLogout: { store: new session.MemoryStore() },
}));

const escape = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

app.get("/", (request, response) => {
  const person = request.oidc.user;
  if (!person) return response.send(`<a href="/login">Sign in</a>`);
  response.send(`<p>You are ${escape(person.name ?? person.email)} (${escape(person.email)}).</p><a href="/logout">Sign out</a>`);
});

app.get("/orders", openid.requiresAuth(), (request, response) => {
  response.send(`Orders of ${escape(request.oidc.user.sub)}`);
});

app.listen(process.env.PORT, "127.0.0.1");
