from django.conf import settings

from kb_site.metrics import gauge
from kb_site.search.engines import get_engine


@gauge("index_documents", "Documents of the search index.", "language")
def index_documents():
    found = get_engine().frequencies({code: [] for code, _name in settings.LANGUAGES})
    return {code: documents for code, (documents, _terms) in found.items()}
