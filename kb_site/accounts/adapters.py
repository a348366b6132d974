"""Where our sign-in differs from allauth's own."""

import logging
import threading

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from django.contrib.sites.shortcuts import get_current_site

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request):
        return False

    def get_reauthentication_methods(self, user):
        """Whoever has a second factor confirms with it: a password alone does not change it."""
        methods = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] != "reauthenticate"] or methods

    def send_mail(self, template_prefix, email, context):
        """Renders a mail, and sends it after the answer unless the account is unknown.

        The page that asks for a new password must not take longer when there is an account, and
        strangers must not get mail because somebody typed their address.
        """
        request = current.request
        site = get_current_site(request)
        site.name = "Repères"
        context = {"request": request, "email": email, "current_site": site, **context}
        message = self.render_mail(template_prefix, email, context)
        if template_prefix != "account/email/unknown_account":
            threading.Thread(target=_send, args=[message], name="mail").start()


def _send(message):
    try:
        message.send()
    except Exception as error:
        # The error's own text may hold an address.
        logger.error("A mail could not be sent: %s. Check EMAIL_URL.", type(error).__name__)
