from urllib.parse import urlencode

from django.core.exceptions import SuspiciousOperation
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class KeywardBackend(OIDCAuthenticationBackend):
    """A person is known by `sub`, which never changes; the library by itself goes by the address, which may."""

    def verify_claims(self, claims):
        return "sub" in claims and claims.get("email_verified", False)

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def create_user(self, claims):
        return self.update_user(self.UserModel(username=claims["sub"]), claims)

    def update_user(self, user, claims):
        user.first_name = claims.get("name", "")
        user.email = claims["email"]
        user.set_unusable_password()
        user.save()
        return user

    def verify_token(self, token, **kwargs):
        payload = super().verify_token(token, **kwargs)
        # The library looks at signature and nonce only.
        if payload["iss"] != "https://auth.example.com" or payload["aud"] != self.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("The ID token is another's.")
        return payload


def end_session_url(request):
    query = {
        "id_token_hint": request.session["oidc_id_token"],
        "post_logout_redirect_uri": request.build_absolute_uri("/"),
    }
    return "https://auth.example.com/end-session?" + urlencode(query)
