"""What a client of The Handover asks, as a submission to Sayso.

The free text is the param ``action`` of one action type, so policy, fingerprint and card work as for any request. All
else is claims: the context, how urgent it is, images as links that nobody fetches, the channel that is wished for. What
the approver is to fill in becomes a form. Names of ours (`CHOSEN` and its kin) say what an answer is given back as.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sayso_bot.domain.complaints import complaint, path_of
from sayso_bot.domain.files import ACCEPTED, MAX_ACCEPTED, MAX_IN_ANSWER
from sayso_bot.domain.form import MAX_FIELDS, MAX_LABEL, MAX_OPTION, MAX_OPTIONS
from sayso_bot.domain.json import Json
from sayso_bot.domain.key import Key
from sayso_bot.domain.text import one_line
from sayso_bot.errors import InvalidField

ACTION_TYPE = "handover.decision"
CHOSEN, VALUE, EXECUTE_AT, UPLOADED = "chosen", "value", "execute_at", "uploaded_files"
ABOUT = "handover"
"""The claim under ``metadata`` that holds what the other API knows and ours does not."""
MAX_IMAGES = 5
MAX_ACTION = 100_000
_EMAIL = r"^[^@\s]{1,64}@[^@\s]{1,190}$"
_IMAGE = r"^https?://[^\s]{1,1990}$"
_OUR_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_MOST = 2**53 - 1
_SHAPES = {
    "approver": "must be an e-mail address",
    "context_images": "must be an address that begins with http:// or https://",
    "accept": "must look like .pdf, image/png or image/*",
}
_Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL)]
_Option = Annotated[str, Field(min_length=1, max_length=MAX_OPTION)]
_Options = Annotated[list[_Option], Field(min_length=1, max_length=MAX_OPTIONS)]


class _In(BaseModel):
    """Models are built when they are first used, so that a service without such clients does not wait for them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class ApproveDeny(_In):
    type: Literal["approve_deny", "confirm"]

    def fields(self) -> list[dict[str, Json]]:
        return []


class Choose(_In):
    type: Literal["choose"]
    choices: _Options
    label: _Label = "Select an option"

    def fields(self) -> list[dict[str, Json]]:
        return [_choice(self.label, self.choices)]


class TextField(_In):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    label: Annotated[str, Field(max_length=MAX_LABEL)] = ""
    required: bool = False
    placeholder: Annotated[str, Field(max_length=1000)] = ""


class TextInput(_In):
    type: Literal["text_input"]
    fields_: Annotated[list[TextField], Field(alias="fields", min_length=1, max_length=MAX_FIELDS)]

    def fields(self) -> list[dict[str, Json]]:
        return [
            {
                "name": name,
                "type": "text",
                "label": _with_example(field.label or field.name, field.placeholder),
                "required": field.required,
            }
            for name, field in zip(self.names(), self.fields_, strict=True)
        ]

    def names(self) -> list[str]:
        """A name of ours for each field: its own where it can be, else by its number."""
        return [
            field.name if _OUR_NAME.match(field.name) else f"field_{number}"
            for number, field in enumerate(self.fields_, 1)
        ]


class NumberInput(_In):
    type: Literal["number_input"]
    label: _Label = "Enter a value"
    min: Annotated[float | None, Field(ge=-_MOST, le=_MOST)] = None
    max: Annotated[float | None, Field(ge=-_MOST, le=_MOST)] = None
    placeholder: Annotated[str, Field(max_length=1000)] = ""

    def fields(self) -> list[dict[str, Json]]:
        bounds = {name: bound for name, bound in (("min", self.min), ("max", self.max)) if bound is not None}
        return [{"name": VALUE, "type": "number", "label": _with_example(self.label, self.placeholder), **bounds}]


class Schedule(_In):
    type: Literal["schedule"]
    label: _Label = "When should this run?"
    allow_immediate: bool = True

    def fields(self) -> list[dict[str, Json]]:
        return [{"name": EXECUTE_AT, "type": "datetime", "label": self.label, "required": not self.allow_immediate}]


class FileUpload(_In):
    type: Literal["file_upload"]
    label: _Label = "Upload files"
    max_files: Annotated[int, Field(ge=1, le=MAX_IN_ANSWER)] = MAX_IN_ANSWER
    accept: Annotated[list[Annotated[str, Field(pattern=ACCEPTED)]], Field(max_length=MAX_ACCEPTED)] = []

    def fields(self) -> list[dict[str, Json]]:
        accept = list[Json](self.accept)
        return [{"name": UPLOADED, "type": "files", "label": self.label, "max": self.max_files, "accept": accept}]


ResponseType = Annotated[
    ApproveDeny | Choose | TextInput | NumberInput | Schedule | FileUpload, Field(discriminator="type")
]


class DecisionBody(_In):
    """``POST /decisions``"""

    action: Annotated[str, Field(min_length=1, max_length=MAX_ACTION)]
    approver: Annotated[str, Field(pattern=_EMAIL)]
    urgency: Literal["low", "medium", "high", "critical"] = "medium"
    timeout_minutes: Annotated[int, Field(ge=1, le=527_040)] = 60
    channel: Literal["email", "webhook", "slack"] = "email"
    context: Annotated[str | None, Field(max_length=100_000)] = None
    options: _Options | None = None
    callback_url: str | None = None
    response_type: ResponseType | None = None
    context_images: Annotated[list[Annotated[str, Field(pattern=_IMAGE)]] | None, Field(max_length=MAX_IMAGES)] = None
    enforce: bool = False

    def submission(self, action_type: str) -> dict[str, Json]:
        """The body of ``POST /v1/requests``. Raises `InvalidField`."""
        if self.callback_url is not None:
            raise InvalidField("Sayso calls nobody back yet: poll instead. Nothing was made.", field="callback_url")
        fields = self._fields()
        about = self._about()
        return {
            "action": action_type,
            "params": {"action": self.action},
            "urgency": self.urgency,
            "timeout": f"{self.timeout_minutes}m",
            **({"reasoning": self.context} if self.context else {}),
            **({"links": list[Json](self.context_images)} if self.context_images else {}),
            **({"metadata": {ABOUT: about}} if about else {}),
            **({"form": {"fields": list[Json](fields)}} if fields else {}),
        }

    def _fields(self) -> list[dict[str, Json]]:
        fields = self.response_type.fields() if self.response_type else []
        if self.options:
            fields.append(_choice("Select an option", self.options))
        names = [str(field["name"]) for field in fields]
        if len(set(names)) < len(names):
            raise InvalidField(
                "options and response_type ask for the same twice, or two fields share a name. Nothing was made.",
                field="response_type",
            )
        for field in fields:
            for said in (field["label"], *_texts(field.get("options"))):
                if one_line(str(said)) != said:
                    raise InvalidField(
                        "A label and a choice are one line each, without invisible characters. Nothing was made.",
                        field="response_type",
                    )
        return fields

    def _about(self) -> dict[str, Json]:
        """What is not as it is left out, and is given back or may be looked at by the policy."""
        found: dict[str, Json] = {}
        if self.channel != "email":
            found["channel"] = self.channel
        if self.enforce:
            found["enforce"] = True
        if isinstance(self.response_type, TextInput):
            theirs = [field.name for field in self.response_type.fields_]
            names = dict(zip(self.response_type.names(), theirs, strict=True))
            if other := {ours: name for ours, name in names.items() if ours != name}:
                found["names"] = dict[str, Json](other)
        return found


def read_decision(value: Json) -> DecisionBody:
    """Raises `InvalidField` with the path of the first thing that is wrong."""
    try:
        return DecisionBody.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        path = path_of(found["loc"])
        words = complaint(found["type"], found.get("ctx", {}), _shape(path))
        raise InvalidField(f"{path or 'The body'} {words}. Nothing was made.", field=path) from None


def action_type(key: Key) -> str:
    """The type of what this key asks: the only one that it may ask for, where its patterns are a single name."""
    only = key.actions[0] if len(key.actions) == 1 else "*"
    return ACTION_TYPE if "*" in only else only


def _shape(path: str) -> str:
    return next((words for name, words in _SHAPES.items() if name in path), "is not acceptable")


def _choice(label: str, options: list[str]) -> dict[str, Json]:
    return {"name": CHOSEN, "type": "choose", "label": label, "options": list[Json](options)}


def _with_example(label: str, example: str) -> str:
    both = f"{label} ({example})" if example else label
    return both if len(both) <= MAX_LABEL else label


def _texts(options: Any) -> list[Any]:
    return options if isinstance(options, list) else []
