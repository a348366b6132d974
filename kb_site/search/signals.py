"""Connects the records' changes to the search index."""

from django.db.models.signals import m2m_changed, post_delete, post_save

from kb_site.search.documents import registry
from kb_site.search.updates import mark


def connect():
    for signal in (post_save, post_delete):
        signal.connect(_changed, dispatch_uid=f"kb_site.search.{id(signal)}")
    m2m_changed.connect(_citations_changed, dispatch_uid="kb_site.search.m2m")


def _changed(sender, instance, raw=False, **kwargs):
    if not raw:
        _mark(instance)


def _citations_changed(sender, instance, action, **kwargs):
    if action.startswith("post_"):
        _mark(instance)


def _mark(instance):
    keys = set()
    for index in registry.values():
        if isinstance(instance, index.model):
            keys.add(index.key(instance))
        for model, records in index.related.items():
            if isinstance(instance, model):
                keys |= {index.key(record) for record in records(instance)}
    if keys:
        mark(sorted(keys))
