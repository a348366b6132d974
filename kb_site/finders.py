from pathlib import Path

import xstatic.pkg.jquery_ui
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage


class JQueryUIFinder(BaseFinder):
    """The one file of the jQuery UI package that the admin's language tabs load, no theme."""

    name = "jquery-ui.min.js"

    def __init__(self, app_names=None, *args, **kwargs):
        self.storage = FileSystemStorage(location=xstatic.pkg.jquery_ui.BASE_DIR)
        self.storage.prefix = "jquery-ui"
        super().__init__(*args, **kwargs)

    def check(self, **kwargs):
        return []

    def find(self, path, find_all=False, **kwargs):
        if Path(path) != Path(self.storage.prefix) / self.name:
            return []
        found = self.storage.path(self.name)
        return [found] if find_all else found

    def list(self, ignore_patterns):
        yield self.name, self.storage
