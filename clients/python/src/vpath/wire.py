"""Between JSON and dataclasses, by their annotations.

What must stay true: a missing or wrongly typed member is a BadReply that names its place; members that a class does
not know are kept in `extra` and written back, so that a newer daemon's replies lose nothing here.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar, Union

from .errors import BadReply

T = TypeVar("T", bound="WireObject")
Decoder = Callable[[Any, str], Any]

#: A JSON object.
JSONObject = dict[str, Any]


def extra_members() -> Any:
    """The field that keeps members a class does not know."""
    return field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class WireObject:
    """A JSON object as a dataclass; a field `tissue_area_mm2` is the member `tissueAreaMm2`."""

    @classmethod
    def from_json(cls: type[T], value: Any, place: str = "") -> T:
        """Reads it. Raises BadReply that names the place of what is wrong."""
        if not isinstance(value, dict):
            raise wrong(place, "an object", value)
        arguments: dict[str, Any] = {}
        known = set()
        for name, member, required, decode in _fields(cls):
            known.add(member)
            found = value.get(member)
            if found is not None:
                arguments[name] = decode(found, f"{place}/{member}")
            elif required:
                if member not in value or decode is not _anything:
                    raise BadReply("protocol.request", f'The reply lacks "{member}" in {place or "its result"}.')
                arguments[name] = None
        arguments["extra"] = {key: item for key, item in value.items() if key not in known}
        return cls(**arguments)

    def to_json(self) -> JSONObject:
        """Writes it, with the members it did not know."""
        members: JSONObject = {}
        for name, member, required, _ in _fields(type(self)):
            value = getattr(self, name)
            if value is not None or required:
                members[member] = to_json(value)
        members.update(getattr(self, "extra", {}))
        return members


def to_json(value: Any) -> Any:
    """Any of this package's values as JSON."""
    if isinstance(value, WireObject):
        return value.to_json()
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def member_name(name: str) -> str:
    """The JSON member of a field."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def wrong(place: str, wanted: str, value: Any) -> BadReply:
    """Says that a value has the wrong type, without showing the value."""
    found = {dict: "an object", list: "an array", str: "text", bool: "true or false", type(None): "null"}
    return BadReply(
        "protocol.request",
        f"The reply has {found.get(type(value), 'a number')} at {place or '/'} where {wanted} is due.",
    )


#: By class: each field with its member, whether it is required, and what reads it.
_FIELDS: dict[type[WireObject], tuple[tuple[str, str, bool, Decoder], ...]] = {}


def _fields(cls: type[WireObject]) -> tuple[tuple[str, str, bool, Decoder], ...]:
    known = _FIELDS.get(cls)
    if known is not None:
        return known
    hints = typing.get_type_hints(cls)
    result = []
    for item in dataclasses.fields(cls):
        if item.name == "extra":
            continue
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        member = item.metadata.get("member", member_name(item.name))
        result.append((item.name, member, required, decoder(hints[item.name])))
    return _FIELDS.setdefault(cls, tuple(result))


def decoder(hint: Any) -> Decoder:
    """What reads a value of an annotation."""
    if hint is Any:
        return _anything
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, WireObject):
        return hint.from_json
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Union:
        return decoder(next(kind for kind in arguments if kind is not type(None)))
    if origin is tuple:
        return functools.partial(_array, decoder(arguments[0]))
    if origin is dict:
        return functools.partial(_object, decoder(arguments[1]))
    raise TypeError(f"no decoder for {hint}")


def _anything(value: Any, place: str) -> Any:
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise wrong(place, "text", value)
    return value


def _boolean(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(place, "true or false", value)
    return value


def _integer(value: Any, place: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(place, "a whole number", value)
    return value


def _number(value: Any, place: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise wrong(place, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise wrong(place, "a number of ordinary size", value) from None


def _array(decode: Decoder, value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise wrong(place, "an array", value)
    return tuple(decode(item, f"{place}/{index}") for index, item in enumerate(value))


def _object(decode: Decoder, value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(place, "an object", value)
    return {key: decode(item, f"{place}/{key}") for key, item in value.items()}


_PLAIN: dict[Any, Decoder] = {str: _text, bool: _boolean, int: _integer, float: _number}
