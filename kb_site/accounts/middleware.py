from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from kb_site.accounts.roles import needs_second_factor
from kb_site.addresses import address_of

# Where the pages to sign in lie; the admin is at `settings.ADMIN_PATH`.
ACCOUNTS = "accounts/"

# What the session remembers of the factors its person had when it was begun.
SESSION_KEY = "second_factors"


def factors_of(user):
    """Returns {key: type} of the second factors and recovery codes of an account."""
    factors = Authenticator.objects.filter(user_id=user.pk).order_by("pk")
    return {str(pk): kind for pk, kind in factors.values_list("pk", "type")}


def remember_factors(request, user):
    """Notes in the session the factors it was begun with, or has itself changed."""
    request.session[SESSION_KEY] = list(factors_of(user))


class ClosedDeskMiddleware:
    """Keeps the desk out of caches, and to the networks of ADMIN_ALLOWED: elsewhere is no desk.

    It stands before whatever would answer for the desk, a redirect to add a slash included.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not is_desk(f"{request.path_info[1:]}/"):
            return self.get_response(request)
        if networks := settings.ADMIN_ALLOWED:
            address = address_of(request)
            if address is None or not any(address in network for network in networks):
                raise Http404
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store, private")
        return response


def is_desk(path):
    """Whether a path, or a route, that begins without a slash is of the admin or of sign-in."""
    return path.startswith((settings.ADMIN_PATH, ACCOUNTS))


class SecondFactorMiddleware:
    """Keeps the desk to people with a second factor, where their rights need one.

    A session ends when the factors of its account are changed elsewhere, as Django ends it when
    the password is. Public pages are left alone: they know no session.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        match = request.resolver_match
        is_ours = match and match.route.startswith(ACCOUNTS)
        if is_ours and request.method == "POST" and request.user.is_authenticated:
            remember_factors(request, request.user)
        return response

    def process_view(self, request, view, args, kwargs):
        match = request.resolver_match
        if not is_desk(match.route) or request.user.is_anonymous:
            return None
        factors = factors_of(request.user)
        if request.session.get(SESSION_KEY) != list(factors):
            logout(request)
            messages.warning(
                request,
                _("You were signed out because your second factors were changed. Sign in again."),
            )
            return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
        if match.route.startswith(ACCOUNTS) or match.view_name == "admin:logout":
            return None
        if needs_second_factor(request.user) and not _has_second_factor(factors):
            messages.warning(
                request,
                _("Your role needs a second factor: an authenticator app or a security key."),
            )
            return redirect("mfa_index")
        return None


def _has_second_factor(factors):
    return bool({Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN} & set(factors.values()))
