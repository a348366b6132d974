from django import template

from kb_site.editorial.desk import panels

register = template.Library()


@register.inclusion_tag("admin/_desk.html", takes_context=True)
def desk(context):
    """What needs care first, for the user of the admin."""
    return {"panels": panels(context["request"].user)}
