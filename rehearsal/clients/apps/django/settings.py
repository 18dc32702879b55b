import os

SECRET_KEY = os.environ["SESSION_SECRET"]
ALLOWED_HOSTS = ["tickets.example.com"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # only behind a proxy that sets it
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mozilla_django_oidc",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]

AUTHENTICATION_BACKENDS = ["people.KeywardBackend"]
OIDC_RP_CLIENT_ID = "tickets"
OIDC_RP_CLIENT_SECRET = os.environ["CLIENT_SECRET"]
OIDC_RP_SCOPES = "openid profile email"
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_USE_PKCE = True
OIDC_TOKEN_USE_BASIC_AUTH = True
OIDC_STORE_ID_TOKEN = True
OIDC_OP_AUTHORIZATION_ENDPOINT = "https://auth.example.com/authorize"
OIDC_OP_TOKEN_ENDPOINT = "https://auth.example.com/token"
OIDC_OP_USER_ENDPOINT = "https://auth.example.com/userinfo"
OIDC_OP_JWKS_ENDPOINT = "https://auth.example.com/.well-known/jwks.json"
OIDC_OP_LOGOUT_URL_METHOD = "people.end_session_url"
LOGIN_URL = "oidc_authentication_init"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
