// What Keyward's speed is compared with: npm oidc-provider, memory storage, on a free port of this machine.
//
// Its clients share the secret in PEER_SECRET. It signs one person in so often as PEER_SESSIONS says, and then tells, in
// one line of JSON, its port, its version, and the cookies of these sessions.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const secret = process.env.PEER_SECRET;
const redirectUri = "https://app.example.com/callback";
const algorithms = ["ES256", "EdDSA", "RS256"];
const scope = "openid profile email";

function signingKey(alg) {
  const [kind, options] = {
    ES256: ["ec", { namedCurve: "P-256" }],
    EdDSA: ["ed25519", {}],
    RS256: ["rsa", { modulusLength: 2048 }],
  }[alg];
  return { ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }), alg, use: "sig", kid: alg };
}

const configuration = {
  clients: [
    {
      client_id: "app",
      client_secret: secret,
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: "ES256",
      scope,
    },
    ...algorithms.map((alg) => ({
      client_id: `robot-${alg}`,
      client_secret: secret,
      redirect_uris: [],
      grant_types: ["client_credentials"],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
    })),
  ],
  jwks: { keys: algorithms.map(signingKey) },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  pkce: { required: () => true },
  scopes: ["openid", "profile", "email"],
  claims: { openid: ["sub"], profile: ["name", "locale", "updated_at"], email: ["email", "email_verified"] },
  findAccount: (_ctx, accountId) => ({
    accountId,
    claims: () => ({
      sub: accountId,
      name: "Person",
      locale: "en",
      updated_at: 1700000000,
      email: "person@example.com",
      email_verified: true,
    }),
  }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: 60,
    ClientCredentials: 3600,
    Grant: 30 * 24 * 3600,
    IdToken: 3600,
    Interaction: 3600,
    Session: 30 * 24 * 3600,
  },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    clientCredentials: { enabled: true },
    // An access token is a JWT (RFC 9068) if it is for a resource, else opaque, as is this library's way.
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: "read",
        audience: resource,
        accessTokenTTL: 3600,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: resource.split("/").pop() } },
      }),
    },
  },
};

// Signs the one person in, and lets the app have what it asks for.
async function interact(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: "person", clientId: params.client_id });
  grant.addOIDCScope(scope);
  const result = { login: { accountId: "person" }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result);
}

// Goes through the flow as a browser does, and gives the cookies it ends up with.
async function signIn(issuer) {
  const query = new URLSearchParams({
    client_id: "app",
    redirect_uri: redirectUri,
    response_type: "code",
    scope,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
  });
  const cookies = new Map();
  let address = `${issuer}/auth?${query}`;
  while (!address.startsWith(redirectUri)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(address, { redirect: "manual", headers: { cookie } });
    if (answer.status !== 302 && answer.status !== 303) throw new Error(`${address} was answered ${answer.status}`);
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      cookies.set(name, value);
    }
    address = new URL(answer.headers.get("location"), issuer).href;
  }
  return ["_session", "_session.sig"].map((name) => `${name}=${cookies.get(name)}`).join("; ");
}

// The issuer holds the port, which is known once there is a server.
let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, configuration);
  const speak = provider.callback();
  answer = (request, response) => {
    if (request.url.startsWith("/interaction/")) {
      interact(provider, request, response).catch((error) => response.writeHead(500).end(String(error)));
    } else {
      speak(request, response);
    }
  };
  const sessions = [];
  while (sessions.length < Number(process.env.PEER_SESSIONS)) sessions.push(await signIn(issuer));
  const installed = new URL("node_modules/oidc-provider/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(installed));
  console.log(JSON.stringify({ port, version, node: process.version, sessions }));
});
