"""Which records of the law keep a history, and when a change of one is a change of the law."""

import datetime

from kb_site.editorial import history, reviews
from kb_site.editorial.history import Part
from kb_site.editorial.models import ReviewTask
from laws.models import LegalAct, Provision

# How a record was checked, where it stands in lists and how it is found: kept, but no news.
SILENT = {
    "aliases",
    "also_asked",
    "confidence",
    "eli",
    "order",
    "verified_by",
    "verified_on",
    "verified_url",
    "watched",
}
ACT_STANDING = {"in_force_from", "repealed_on", "transpose_by", "kind"}
Reason = ReviewTask.Reason


def provision_changed(provision, changes, revision):
    """A version that comes, changes or goes is a change of the law; a new label is not."""
    if provision is None:
        return
    rows = [row for row in changes if row["path"] or row["field"] == "status"]
    whole = [row for row in rows if row["path"] and not row["field"] and len(row["path"]) == 1]
    added = [row["after"] for row in whole if row["after"]]
    if added:
        starts = [version["applies_from"] for version in added if version["applies_from"]]
        day = datetime.date.fromisoformat(max(starts)) if starts else None
        reviews.flag_change(provision, Reason.VERSION_ADDED, rows, day)
    elif whole:
        reviews.flag_change(provision, Reason.VERSION_REMOVED, rows)
    else:
        reviews.flag_change(provision, Reason.VERSION_CHANGED, rows)


def act_changed(act, changes, revision):
    """Only what decides whether the act is in force is a change for those who cite it."""
    if act is not None:
        rows = [row for row in changes if row["field"] in {*ACT_STANDING, "status"}]
        reviews.flag_change(act, Reason.ACT_CHANGED, rows)


history.register("act", LegalAct, titles=["short_title"], silent=SILENT, on_change=act_changed)
history.register(
    "provision",
    Provision,
    titles=["label", "heading"],
    parts={
        "versions": Part(
            "provision",
            "number",
            parts={"penalties": Part("version", "order", silent=frozenset({"order"}))},
            silent=frozenset({"official_url", "consolidated_on", "number"}),
        )
    },
    silent=SILENT,
    on_change=provision_changed,
)
