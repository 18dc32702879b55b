"""Drives the Python package Authlib, unmodified, through everything that an app does with its provider.

The test that starts it plays the person: it is told on standard output where to go, and says on standard input where that
ended. Every step asserts; the steps that passed are listed in the last line.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import parse_qs, urlsplit

from authlib.common.security import generate_token
from authlib.common.urls import add_params_to_uri
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken, UserInfo
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ENV = os.environ

if sys.argv[1:] == ["make-key"]:
    key = ECKey.generate_key("P-256", {"kid": "app-key", "alg": "ES256", "use": "sig"})
    Path(ENV["KEY_FILE"]).write_text(json.dumps(key.as_dict(private=True)))
    Path(ENV["KEY_FILE"] + ".public").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    sys.exit(0)

ISSUER, APP, CLIENT_ID = ENV["ISSUER"], ENV["APP"], ENV["CLIENT_ID"]
METHOD, ALGORITHM = ENV["METHOD"], ENV["ALGORITHM"]


def say(message):
    print(json.dumps(message), flush=True)


def visit(url):
    say({"visit": url})
    return json.loads(sys.stdin.readline())["arrived"]


class App(BaseHTTPRequestHandler):
    """Where the provider tells the app of a sign-out."""

    told = Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.end_headers()
        self.told.put((self.path, parse_qs(body)["logout_token"][0]))

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", urlsplit(APP).port), App)
threading.Thread(target=server.serve_forever, daemon=True).start()

passed = []

session = OAuth2Session(
    CLIENT_ID,
    Path(ENV["KEY_FILE"]).read_text() if METHOD == "private_key_jwt" else ENV["CLIENT_SECRET"],
    scope="openid profile email",
    redirect_uri=f"{APP}/callback",
    token_endpoint_auth_method=METHOD,
    revocation_endpoint_auth_method=METHOD,
    code_challenge_method="S256",
)
metadata = session.get(
    f"{ISSUER}/.well-known/openid-configuration", withhold_token=True
).json()
assert metadata["issuer"] == ISSUER
session.metadata.update(metadata)
if METHOD == "private_key_jwt":
    session.client_secret = ECKey.import_key(json.loads(session.client_secret))
    session.register_client_auth_method(
        PrivateKeyJWT(metadata["token_endpoint"], headers={"kid": "app-key"}, alg="ES256")
    )
passed.append("discovery")

verifier, nonce = generate_token(48), generate_token(20)
url, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
)
arrived = visit(url)
tokens = session.fetch_token(
    metadata["token_endpoint"], authorization_response=arrived, state=state, code_verifier=verifier
)
passed.append("code with PKCE")

keys = KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
decoded = jwt.decode(tokens["id_token"], keys, algorithms=[ALGORITHM])
claims = CodeIDToken(
    decoded.claims,
    decoded.header,
    {"iss": {"value": ISSUER}, "aud": {"value": CLIENT_ID}},
    {"nonce": nonce, "client_id": CLIENT_ID, "access_token": tokens["access_token"]},
)
claims.validate(leeway=0)
assert claims["sub"] and claims["sid"] and claims["auth_time"]
assert claims["amr"] == ["pwd", "otp", "mfa"], claims["amr"]
passed.append("ID token")

person = UserInfo(session.get(metadata["userinfo_endpoint"]).json())
assert person.sub == claims["sub"]
assert person.name == ENV["PERSON_NAME"]
assert person.email == ENV["PERSON_EMAIL"]
assert person.email_verified is True
passed.append("userinfo")

second = session.refresh_token(metadata["token_endpoint"], tokens["refresh_token"])
assert second["refresh_token"] != tokens["refresh_token"]
third = session.refresh_token(metadata["token_endpoint"], second["refresh_token"])
assert third["refresh_token"] != second["refresh_token"]
passed.append("refresh, rotated")


def introspect(token):
    return session.introspect_token(metadata["introspection_endpoint"], token=token).json()


active = introspect(third["access_token"])
assert active["active"] is True and active["sub"] == claims["sub"] and active["client_id"] == CLIENT_ID
passed.append("introspection")

own = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="reports")
assert own["scope"] == "reports", own
assert introspect(own["access_token"])["active"] is True
passed.append("client credentials")

session.revoke_token(metadata["revocation_endpoint"], token=own["access_token"]).raise_for_status()
assert introspect(own["access_token"])["active"] is False
session.revoke_token(metadata["revocation_endpoint"], token=third["refresh_token"]).raise_for_status()
try:
    session.refresh_token(metadata["token_endpoint"], third["refresh_token"])
    raise AssertionError("a revoked refresh token was taken")
except OAuthError as refused:
    assert refused.error == "invalid_grant", refused
passed.append("revocation")

# Authlib has no call of its own for signing out or for logout tokens: the request is a link, the token a JWT.
back = f"{APP}/"
state = generate_token(20)
parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": back, "state": state}
signed_out = visit(add_params_to_uri(metadata["end_session_endpoint"], list(parameters.items())))
assert signed_out == f"{back}?state={state}", signed_out
passed.append("sign-out")

path, token = App.told.get(timeout=30)
assert path == "/signed-out"
logout = jwt.decode(token, keys, algorithms=[ALGORITHM])
assert logout.header["typ"] == "logout+jwt"
jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": CLIENT_ID},
    iat={"essential": True},
    exp={"essential": True},
    jti={"essential": True},
    sub={"essential": True, "value": claims["sub"]},
    sid={"essential": True, "value": claims["sid"]},
    events={"essential": True, "value": {"http://schemas.openid.net/event/backchannel-logout": {}}},
).validate(logout.claims)
assert "nonce" not in logout.claims
passed.append("back-channel logout")

say({"passed": passed})
