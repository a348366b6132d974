"""Connects the records' changes to the search index, and the editors' rules to every process."""

from django.db.models.signals import m2m_changed, post_delete, post_save

from kb_site.search import rules
from kb_site.search.documents import registry
from kb_site.search.models import HiddenWord, PromotedResult, SynonymGroup
from kb_site.search.updates import is_paused, mark


def connect():
    for signal in (post_save, post_delete):
        signal.connect(_changed, dispatch_uid=f"kb_site.search.{id(signal)}")
        for model in (HiddenWord, PromotedResult, SynonymGroup):
            signal.connect(_rule_changed, sender=model, dispatch_uid=f"rule.{id(signal)}.{model}")
    m2m_changed.connect(_citations_changed, dispatch_uid="kb_site.search.m2m")


def _rule_changed(sender, **kwargs):
    rules.changed()


def _changed(sender, instance, raw=False, **kwargs):
    if not raw and not is_paused():
        _mark(instance)


def _citations_changed(sender, instance, action, reverse, model, pk_set, **kwargs):
    """Marks both ends: a contact's entry changes too when a question no longer cites it."""
    if is_paused():
        return
    if action == "pre_clear":
        # What is cleared is not named afterwards.
        instance.__dict__.setdefault("_search_cleared", {})[sender] = _linked(
            sender, instance, reverse, model
        )
    if not action.startswith("post_"):
        return
    if action == "post_clear":
        pk_set = instance.__dict__.get("_search_cleared", {}).pop(sender, ())
    _mark(instance)
    for other in model._default_manager.filter(pk__in=pk_set or ()):
        _mark(other)


def _linked(through, instance, reverse, model):
    """Returns the primary keys at the other end of a many-to-many relation."""
    owner = model if reverse else type(instance)
    field = next(f for f in owner._meta.many_to_many if f.remote_field.through is through)
    ends = [field.m2m_field_name(), field.m2m_reverse_field_name()]
    own, other = reversed(ends) if reverse else ends
    return set(through._default_manager.filter(**{own: instance}).values_list(other, flat=True))


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
