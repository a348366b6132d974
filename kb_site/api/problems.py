"""Errors of the API: problem details (RFC 9457), in English, which say what to do next."""

from http import HTTPStatus
from typing import Literal

from django.http import JsonResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class InvalidParameter(BaseModel):
    """One thing that is wrong with what was asked."""

    where: str = Field(description="query or path.")
    name: str = Field(description="The parameter.")
    message: str


class Problem(BaseModel):
    """Why there is no answer."""

    type: Literal["about:blank"]
    title: str = Field(description="What the status means.")
    status: int
    detail: str = Field(description="What is wrong here, and what to do.")
    errors: list[InvalidParameter] = Field(default=[], description="With status 422.")


class Refused(Exception):
    """No answer: a status, what to tell, and headers."""

    def __init__(self, status, detail, headers=None):
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        super().__init__(detail)


USUAL = {
    400: "This request cannot be read. Check its address and its headers.",
    404: "There is nothing at this address. /api/v1/ lists what there is.",
    405: "The API is for reading: use GET.",
    412: "This is not what If-Match names any more. Ask again without it.",
    500: "Something went wrong on our side. Try again later.",
    503: "The database does not answer for the moment. Try again in a minute.",
}


def answer(status, detail="", errors=()):
    """Returns the response of a problem."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or USUAL.get(status, HTTPStatus(status).phrase),
    }
    if errors:
        problem["errors"] = list(errors)
    return JsonResponse(problem, status=status, content_type=MEDIA_TYPE)
