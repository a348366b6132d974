from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend


def find_account(login):
    """Returns the account of this name, else the only one of this e-mail address, else None."""
    accounts = get_user_model().objects
    for field in ("username", "email"):
        found = list(accounts.filter(**{f"{field}__iexact": login})[:2])
        if len(found) == 1:
            return found[0]
    return None


class NameOrEmailBackend(ModelBackend):
    """Signs in by name or e-mail address, at the cost of one password hash whoever it is.

    allauth's own backend hashes once for an unknown name and up to twice for a known one, and
    tells a closed account from a wrong password.
    """

    def authenticate(self, request, username=None, password=None, email=None, **kwargs):
        login = username or email
        if not login or password is None:
            return None
        user = find_account(login)
        if user is None:
            get_user_model()().set_password(password)
            return None
        right = user.check_password(password)
        return user if right and self.user_can_authenticate(user) else None
