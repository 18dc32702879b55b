// Drives the npm package `openid-client`, unmodified, through everything that an app does with its provider.
//
// The test that starts it plays the person: it is told on standard output where to go, and says on standard input where
// that ended. Every step asserts; the steps that passed are listed in the last line.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import * as jose from 'jose'
import * as client from 'openid-client'

const { ISSUER, APP, CLIENT_ID, CLIENT_SECRET, METHOD, ALGORITHM, KEY_FILE } = process.env

if (process.argv[2] === 'make-key') {
  const { privateKey, publicKey } = await jose.generateKeyPair('ES256', { extractable: true })
  await writeFile(KEY_FILE, JSON.stringify(await jose.exportJWK(privateKey)))
  const keys = [{ ...(await jose.exportJWK(publicKey)), kid: 'app-key', alg: 'ES256', use: 'sig' }]
  await writeFile(`${KEY_FILE}.public`, JSON.stringify({ keys }))
  process.exit(0)
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (message) => console.log(JSON.stringify(message))
const visit = async (url) => {
  say({ visit: url.href })
  return new URL(JSON.parse((await lines.next()).value).arrived)
}
const passed = []

// Where the provider tells the app of a sign-out.
const app = createServer()
app.listen(new URL(APP).port, '127.0.0.1')
await once(app, 'listening')
const told = once(app, 'request').then(async ([request, response]) => {
  let body = ''
  for await (const chunk of request) body += chunk
  response.end()
  return { path: request.url, token: new URLSearchParams(body).get('logout_token') }
})

const authentication = {
  client_secret_basic: () => client.ClientSecretBasic(CLIENT_SECRET),
  client_secret_post: () => client.ClientSecretPost(CLIENT_SECRET),
  private_key_jwt: async () => {
    const key = await jose.importJWK(JSON.parse(await readFile(KEY_FILE, 'utf8')), 'ES256')
    return client.PrivateKeyJwt({ key, kid: 'app-key' })
  },
  none: () => client.None(),
}[METHOD]
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: ALGORITHM },
  await authentication(),
  // The test's server speaks plain http on loopback; the second asks for the signature of ID tokens to be verified.
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
)
assert.equal(config.serverMetadata().issuer, ISSUER)
assert.ok(config.serverMetadata().supportsPKCE())
passed.push('discovery')

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const redirect_uri = `${APP}/callback`
const arrived = await visit(
  client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  }),
)
assert.equal(arrived.searchParams.get('iss'), ISSUER)
const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
const tokens = await client.authorizationCodeGrant(config, arrived, checks)
passed.push('code with PKCE')

const claims = tokens.claims()
assert.equal(claims.aud, CLIENT_ID)
assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, ALGORITHM)
assert.ok(claims.sub && claims.sid && claims.auth_time)
assert.deepEqual(claims.amr, ['pwd', 'otp', 'mfa'])
passed.push('ID token')

const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
assert.equal(person.name, process.env.PERSON_NAME)
assert.equal(person.email, process.env.PERSON_EMAIL)
assert.equal(person.email_verified, true)
passed.push('userinfo')

const second = await client.refreshTokenGrant(config, tokens.refresh_token)
assert.notEqual(second.refresh_token, tokens.refresh_token)
assert.equal(second.claims()?.sub ?? claims.sub, claims.sub)
const third = await client.refreshTokenGrant(config, second.refresh_token)
assert.notEqual(third.refresh_token, second.refresh_token)
passed.push('refresh, rotated')

if (METHOD !== 'none') {
  const active = await client.tokenIntrospection(config, third.access_token)
  assert.equal(active.active, true)
  assert.equal(active.sub, claims.sub)
  assert.equal(active.client_id, CLIENT_ID)
  passed.push('introspection')

  const own = await client.clientCredentialsGrant(config, { scope: 'reports' })
  assert.equal(own.scope, 'reports')
  assert.equal((await client.tokenIntrospection(config, own.access_token)).active, true)
  passed.push('client credentials')

  await client.tokenRevocation(config, own.access_token)
  assert.equal((await client.tokenIntrospection(config, own.access_token)).active, false)
} else {
  await client.tokenRevocation(config, third.access_token)
  await assert.rejects(client.fetchUserInfo(config, third.access_token, claims.sub))
}
await client.tokenRevocation(config, third.refresh_token)
await assert.rejects(client.refreshTokenGrant(config, third.refresh_token), { error: 'invalid_grant' })
passed.push('revocation')

const post_logout_redirect_uri = `${APP}/`
const state = client.randomState()
const signedOut = await visit(
  client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri, state }),
)
assert.equal(signedOut.href, `${post_logout_redirect_uri}?state=${state}`)
passed.push('sign-out')

const { path, token } = await Promise.race([told, setTimeout(30_000)])
assert.equal(path, '/signed-out')
const keySet = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
const verified = await jose.jwtVerify(token, keySet, {
  issuer: ISSUER,
  audience: CLIENT_ID,
  typ: 'logout+jwt',
  algorithms: [ALGORITHM],
  requiredClaims: ['iat', 'exp', 'jti', 'events'],
})
assert.equal(verified.payload.sub, claims.sub)
assert.equal(verified.payload.sid, claims.sid)
assert.deepEqual(verified.payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
assert.equal(verified.payload.nonce, undefined)
passed.push('back-channel logout')

say({ passed })
process.exit(0)
