"""The languages of the site, in the order of the settings."""

from django.conf import settings

LANGUAGES = [code for code, _name in settings.LANGUAGES]
