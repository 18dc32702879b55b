from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path

HOME = engines["django"].from_string("""
{% if user.is_authenticated %}
<p>You are {{ user.first_name }} ({{ user.email }}).</p>
<form method="post" action="{% url 'oidc_logout' %}">{% csrf_token %}<button>Sign out</button></form>
{% else %}
<a href="{% url 'oidc_authentication_init' %}">Sign in</a>
{% endif %}
""")


def home(request):
    return HttpResponse(HOME.render({"user": request.user}, request))


@login_required
def mine(request):
    return HttpResponse(f"Tickets of {request.user.username}")


urlpatterns = [
    path("", home),
    path("mine", mine),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
