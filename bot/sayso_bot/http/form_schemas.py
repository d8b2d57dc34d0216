"""The wire models of a form: what an agent may ask to have filled in, and how it is echoed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sayso_bot.domain.files import ACCEPTED, MAX_ACCEPTED, MAX_IN_ANSWER
from sayso_bot.domain.form import MAX_FIELDS, MAX_LABEL, MAX_OPTION, MAX_OPTIONS, Form
from sayso_bot.domain.form import Field as FormField
from sayso_bot.domain.text import one_line
from sayso_bot.errors import InvalidField

_SEEN = r"\S"
_MOST_EXACT = 2**53 - 1


class In(BaseModel):
    """What is read: nothing that is not named, and no other type than is named. Built at its first use: most are an
    admin's, and no start need wait for them.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Out(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class _FieldBody(In):
    """One question of a form. Its words are shown as the agent's."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="The answer's key in the response.")]
    label: Annotated[str | None, Field(pattern=_SEEN, max_length=MAX_LABEL, description="The name when left out.")] = (
        None
    )
    required: bool = True


class PlainFieldBody(_FieldBody):
    """The answer is a text: as it is written, ``2026-11-24``, ``09:30``, or ``2026-11-24T09:30:00Z``."""

    type: Literal["text", "date", "time", "datetime"]

    def field(self, _: str) -> FormField:
        return FormField(self.name, self.type, self.label or self.name, self.required)


class NumberFieldBody(_FieldBody):
    """The answer is a number."""

    type: Literal["number"]
    min: Annotated[float | None, Field(ge=-_MOST_EXACT, le=_MOST_EXACT)] = None
    max: Annotated[float | None, Field(ge=-_MOST_EXACT, le=_MOST_EXACT)] = None

    def field(self, path: str) -> FormField:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise InvalidField(f"{path}.min is above max. Nothing was made.", field=f"{path}.min")
        label = self.label or self.name
        return FormField(self.name, self.type, label, self.required, least=self.min, most=self.max)


class ChooseFieldBody(_FieldBody):
    """The answer is one of the options, or with ``multiple`` a list of some."""

    type: Literal["choose"]
    options: Annotated[
        list[Annotated[str, Field(pattern=_SEEN, max_length=MAX_OPTION)]],
        Field(min_length=1, max_length=MAX_OPTIONS, json_schema_extra={"uniqueItems": True}),
    ]
    multiple: bool = False

    def field(self, path: str) -> FormField:
        if len(set(self.options)) < len(self.options):
            raise InvalidField(f"{path}.options must differ. Nothing was made.", field=f"{path}.options")
        label, options = self.label or self.name, tuple(self.options)
        return FormField(self.name, self.type, label, self.required, options, self.multiple)


class FilesFieldBody(_FieldBody):
    """The answer is a list of files, each with its ``id``, ``name``, ``type``, ``size`` and ``digest``."""

    type: Literal["files"]
    max: Annotated[int, Field(ge=1, le=MAX_IN_ANSWER)] = MAX_IN_ANSWER
    accept: Annotated[
        list[Annotated[str, Field(pattern=ACCEPTED)]],
        Field(max_length=MAX_ACCEPTED, description="Endings (.pdf) and types (image/*), as their sender calls them."),
    ] = []

    def field(self, _: str) -> FormField:
        label, accept = self.label or self.name, tuple(self.accept)
        return FormField(self.name, self.type, label, self.required, most_files=self.max, accept=accept)


FieldBody = Annotated[PlainFieldBody | NumberFieldBody | ChooseFieldBody | FilesFieldBody, Field(discriminator="type")]


class FormBody(In):
    """What the agent asks an approver to fill in with an approval. The rule must allow it: ``forms: true``."""

    fields: Annotated[list[FieldBody], Field(min_length=1, max_length=MAX_FIELDS)]

    def form(self) -> Form:
        """Raises `InvalidField`."""
        for index, field in enumerate(self.fields):
            for said in (field.label or "", *getattr(field, "options", ())):
                if one_line(said) != said:
                    path = f"form.fields[{index}]"
                    why = "a label and an option are one line each, without invisible characters"
                    raise InvalidField(f"{path}: {why}. Nothing was made.", field=path)
        names = [field.name for field in self.fields]
        for index, name in enumerate(names):
            if name in names[:index]:
                path = f"form.fields[{index}].name"
                raise InvalidField(f"{path} stands twice. Nothing was made.", field=path)
        return Form(tuple(field.field(f"form.fields[{index}]") for index, field in enumerate(self.fields)))


class FieldOut(Out):
    name: str
    type: Literal["choose", "text", "number", "date", "time", "datetime", "files"]
    label: str
    required: bool
    options: list[str] | None = None
    multiple: bool | None = None
    min: float | None = None
    max: float | None = None
    accept: list[str] | None = None


class FormOut(Out):
    fields: list[FieldOut]


def field_out(field: FormField) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.kind,
        "label": field.label,
        "required": field.required,
        **({"options": list(field.options), "multiple": field.multiple} if field.kind == "choose" else {}),
        **({"min": field.least} if field.least is not None else {}),
        **({"max": field.most} if field.most is not None else {}),
        **({"max": field.most_files, "accept": list(field.accept)} if field.kind == "files" else {}),
    }
