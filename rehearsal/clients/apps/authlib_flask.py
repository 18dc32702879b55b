import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template_string, session, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.secret_key = os.environ["SESSION_SECRET"]
app.config.update(SESSION_COOKIE_NAME="__Host-desk", SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax")
app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)  # one proxy in front

keyward = OAuth(app).register(
    "keyward",
    server_metadata_url="https://auth.example.com/.well-known/openid-configuration",
    client_id="desk",
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)

PAGE = """
{% if person %}
<p>You are {{ person.name or person.email }} ({{ person.email }}).</p>
<form method="post" action="/sign-out"><button>Sign out</button></form>
{% else %}
<a href="/sign-in">Sign in</a>
{% endif %}
"""


@app.get("/")
def home():
    return render_template_string(PAGE, person=session.get("person"))


@app.get("/sign-in")
def sign_in():
    return keyward.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    token = keyward.authorize_access_token()
    person = keyward.userinfo(token=token)
    session.clear()
    session["person"] = {"sub": person["sub"], "name": person.get("name"), "email": person.get("email")}
    session["id_token"] = token["id_token"]
    return redirect("/")


@app.post("/sign-out")
def sign_out():
    id_token = session.get("id_token")
    session.clear()
    return keyward.logout_redirect(url_for("signed_out", _external=True), id_token_hint=id_token)


@app.get("/signed-out")
def signed_out():
    keyward.validate_logout_response()
    return redirect("/")
