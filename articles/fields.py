"""The words in which contacts and advice say whom they are for, and readers what happened."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from kb_site.editorial.fields import SeveralField


class Need(TextChoices):
    """What somebody may want."""

    TALK = "talk", _("talk to somebody")
    REMOVE = "remove", _("have content removed")
    REPORT = "report", _("report it")
    COMPLAIN = "complain", _("file a complaint")
    RIGHTS = "rights", _("know one's rights, or enforce them")


class Case(TextChoices):
    """What may be so in somebody's situation; `QUESTIONS` says which of them go together."""

    DANGER = "danger", _("somebody is in danger now")
    NO_DANGER = "no-danger", _("nobody is in danger now")
    MINOR = "minor", _("about somebody under 18")
    ADULT = "adult", _("about an adult")
    IMAGE = "image", _("there is a sexual image, even a fake one")
    THREAT = "threat", _("threats, blackmail or sexual propositions")
    DISPUTE = "dispute", _("insults, harassment, a fake account or a dispute")
    ON_X = "on-x", _("online on X")
    ELSEWHERE = "elsewhere", _("online elsewhere than on X")
    OFFLINE = "offline", _("not online")
    KNOWN = "known", _("done by somebody they know")
    STRANGER = "stranger", _("done by a stranger")


# The questions a reader answers, and the cases that are their answers.
QUESTIONS = {
    "danger": [Case.DANGER, Case.NO_DANGER],
    "who": [Case.MINOR, Case.ADULT],
    "what": [Case.IMAGE, Case.THREAT, Case.DISPUTE],
    "online": [Case.ON_X, Case.ELSEWHERE, Case.OFFLINE],
    "by": [Case.KNOWN, Case.STRANGER],
}


class NeedsField(SeveralField):
    CHOICES = Need.choices


class CasesField(SeveralField):
    CHOICES = Case.choices


class ExclusionsField(SeveralField):
    """Cases but for the age, which contacts have fields of their own for."""

    CHOICES = [(case.value, case.label) for case in Case if case not in QUESTIONS["who"]]
