"""How every file of a user is read and checked: YAML, typed sections, errors in words.

One reader of YAML for configurations, cards, recipes and pins. It takes less than YAML 1.1 offers:
what would lose what was written (repeated keys, octal numbers, dates, infinities) or grow without
bounds (aliases, nesting) is refused with file and line. Nothing here imports torch or pandas: the
Snakefile, which every job parses, reads the study.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
import reprlib
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core.core_schema import CoreSchema, ValidationInfo

from ddpg.errors import UserError
from ddpg.files.text import read_text, underflows, written_number

IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
"""A name that is also a folder, a key and a word on a command line."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$"), BeforeValidator(_lower)]
"""A checksum; some programs print it in capitals."""


def expanded_path(path: str) -> str:
    """A path as people write it, or words in its place, with ``~`` replaced.

    Raises:
        ValueError: no file can have that name.
    """
    if re.search(r"\$\{?[A-Za-z_]", path):
        raise ValueError("environment variables are not replaced here; write the path itself")
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise ValueError("a path has no control characters or line breaks")
    if any(len(name.encode(errors="replace")) > _LONGEST_NAME for name in path.split("/")):
        raise ValueError(f"no file has a name of more than {_LONGEST_NAME} bytes")
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError:
        raise ValueError(f"there is no user of that name; write ./{path} if it is one") from None


_LONGEST_NAME = 255
"""Bytes of a file name on every usual system."""

PathText = Annotated[str, AfterValidator(expanded_path)]
"""A path, or a name; ``~`` is the home folder."""
GivenPath = Annotated[str, Field(min_length=1), AfterValidator(expanded_path)]
"""A path that is not empty."""

Model = TypeVar("Model")

PYDANTIC_FIELDS = "__pydantic_fields__"
"""Where both models and dataclasses of pydantic keep their fields."""

SHOWN_PROBLEMS = 50
"""Lines of one message at most."""

_WORDS = {"yes": True, "on": True, "no": False, "off": False}
_BRANCHES = ("str", "mapping")


def is_identifier(name: str) -> bool:
    """Whether a name may be an :data:`Identifier`."""
    return re.fullmatch(IDENTIFIER.strip("^$"), name) is not None


class Section(BaseModel):
    """A mapping of a YAML file: unknown keys are errors, attributes are read-only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def descriptions(cls) -> dict[str, str]:
        """The texts that stand below the fields, by name.

        Pydantic can read them for every model as it is made, and every command would wait for
        it; few ask for them.
        """
        found: dict[str, str] = {}
        for model in reversed(cls.__mro__):
            if model is not Section and issubclass(model, Section):
                found |= _texts_below(model)
        return found

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The model's schema with the texts as descriptions."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in cls.descriptions().items():
            if name in properties:
                properties[name].setdefault("description", text)
        return schema

    @field_validator("*", mode="before")
    @classmethod
    def _truth(cls, value: Any, info: ValidationInfo) -> Any:
        """``yes`` and ``off`` where a truth value is wanted; they are text everywhere else."""
        field = cls.model_fields.get(info.field_name or "")
        if isinstance(value, str) and field is not None and field.annotation is bool:
            return _WORDS.get(value.lower(), value)
        return value


def _texts_below(model: type) -> dict[str, str]:
    """The strings that stand alone below the annotated names of a class's own body."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    texts: dict[str, str] = {}
    for field, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else []):
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(field, ast.AnnAssign):
            texts[ast.unparse(field.target)] = inspect.cleandoc(str(text.value))
    return texts


# --- what is shown of a value ---------------------------------------------------------------------

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 3, 8, 8, 8
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 120


def shown(value: object) -> str:
    """A value as a message shows it: its ``repr``, cut where it is long, whatever it holds."""
    try:
        text = _SHORT.repr(value)
    except ValueError:  # a number of more digits than Python prints
        text = "a huge number"
    return text if len(text) <= 300 else f"{text[:297]}..."


def listed(problems: Iterable[str]) -> str:
    """Problems as one message: equal ones once, each on a line, the first of very many."""
    counts = Counter(problems)
    lines = [f"{line} ({n} times)" if n > 1 else line for line, n in counts.items()]
    if len(lines) > SHOWN_PROBLEMS:
        rest = len(lines) - SHOWN_PROBLEMS
        lines = [*lines[:SHOWN_PROBLEMS], f"... and {rest} more problems"]
    return "\n".join(lines)


# --- YAML -----------------------------------------------------------------------------------------

MOST_BYTES = 64 * 2**20
_DEEPEST = 50
_MOST_REPEATED = 100_000
"""Values that aliases may stand for, in all."""
_LONGEST_NUMBER = 30
_CORE = {
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")
}
_LOST = {
    "tag:yaml.org,2002:timestamp": "a date",
    "tag:yaml.org,2002:value": "a default value",
}
_QUOTE = "put it in quotes if it is text"


class _Refused(Exception):  # noqa: N818 - becomes a UserError as soon as the file is known
    """What the reader does not take, and in which line, from 0."""

    def __init__(self, mark: yaml.Mark, reason: str) -> None:
        super().__init__(reason)
        self.line = mark.line


class _Loader(yaml.SafeLoader):
    """YAML 1.1 without what is lost or grows in the reading."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._sizes: dict[int, int] = {}
        self._repeated = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node; counts how deep it lies, and what an alias repeats."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            node = super().compose_node(parent, index)
            if id(node) not in self._sizes:
                raise _Refused(event.start_mark, f"*{event.anchor} stands inside of itself")
            self._repeated += self._sizes[id(node)]
            if self._repeated > _MOST_REPEATED:
                raise _Refused(event.start_mark, "aliases repeat more than can be meant")
            return node
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Refused(self.peek_event().start_mark, f"is nested deeper than {_DEEPEST} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None:
            self._sizes[id(node)] = _checked_node(node, self._sizes)
        return node


def _checked_node(node: yaml.Node, sizes: Mapping[int, int]) -> int:
    """How many values a node stands for; refuses what would be read as something else."""
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(node)
        return 1
    if node.tag not in _CORE:
        raise _Refused(node.start_mark, f"the tag {_short_tag(node)} is not used in these files")
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        return 1 + sum(sizes[id(item)] for pair in node.value for item in pair)
    return 1 + sum(sizes[id(item)] for item in node.value)


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused(key.start_mark, "a key must be a word")
        # Keys are names, whatever they look like; numbers stay numbers, for scores by noise level.
        if key.tag not in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:merge"):
            key.tag = "tag:yaml.org,2002:str"
        if key.value in lines:
            raise _Refused(
                key.start_mark,
                f"the key {shown(key.value)} stands already in line {lines[key.value] + 1}",
            )
        lines[key.value] = key.start_mark.line


def _check_scalar(node: yaml.ScalarNode) -> None:
    name, text = node.tag.rpartition(":")[2], node.value
    if name == "merge" and text == "<<":
        return
    if node.tag in _LOST:
        raise _Refused(node.start_mark, f"{shown(text)} is read as {_LOST[node.tag]}; {_QUOTE}")
    if node.tag not in _CORE:
        raise _Refused(node.start_mark, f"the tag {_short_tag(node)} is not used in these files")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _Refused(node.start_mark, f"{shown(text)} is no text: it holds half a character")
    if name == "bool" and text.lower() in _WORDS:
        node.tag = "tag:yaml.org,2002:str"
    elif name == "bool" and text.lower() not in ("true", "false"):
        raise _Refused(node.start_mark, f"{shown(text)} is no truth value; {_QUOTE}")
    if name == "int":
        _check_integer(node)
    if name == "float" and not _is_finite(text):
        raise _Refused(node.start_mark, f"{shown(text)} is no finite number; {_QUOTE}")
    if name == "float" and underflows(text):
        raise _Refused(node.start_mark, f"{shown(text)} is read as 0; {_QUOTE}")


def _check_integer(node: yaml.ScalarNode) -> None:
    text = node.value
    if len(text) > _LONGEST_NUMBER:
        raise _Refused(node.start_mark, f"a number of {len(text)} digits; {_QUOTE}")
    if not re.fullmatch(r"[-+]?(0|[1-9][0-9]*)", text):
        try:
            value = yaml.safe_load(text)
        except (ValueError, yaml.YAMLError):
            value = None
        read = f"is read as the number {value}" if type(value) is int else "is no number"
        raise _Refused(node.start_mark, f"{shown(text)} {read}; {_QUOTE}, or write the number")


def _is_finite(text: str) -> bool:
    digits = text.replace("_", "")
    try:
        return math.isfinite(float(digits)) and "_" not in text
    except ValueError:  # .inf, .nan, and 1:30.5
        return False


def _short_tag(node: yaml.Node) -> str:
    return shown(node.tag.replace("tag:yaml.org,2002:", "!!")).strip("'")


def read_yaml(path: str | Path, *, empty: bool = False) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: of the file; one that ends with ``.json`` is read as JSON.
        empty: whether a file without content is an empty mapping.

    Raises:
        UserError: the file cannot be read, is not YAML, is not a mapping, or holds what YAML reads
            as something else than what is written; in one line with file and line.
    """
    if Path(path).is_file() and Path(path).stat().st_size > MOST_BYTES:
        raise UserError(f"{path}: is larger than {MOST_BYTES >> 20} MiB")
    return parse_yaml(read_text(path), path, empty=empty)


def parse_yaml(text: str, path: str | Path, *, empty: bool = False) -> dict[str, Any]:
    """The mapping in the text of a YAML file; see :func:`read_yaml`."""
    content = _json(text, path) if str(path).endswith(".json") else _yaml(text, path)
    if content is None:
        if empty:
            return {}
        raise UserError(f"{path}: is empty; it must hold a mapping of keys to values")
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold a mapping of keys to values, got {shown(content)}")
    return content


def _yaml(text: str, path: str | Path) -> Any:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except _Refused as error:
        raise UserError(f"{path}: line {error.line + 1}: {error}") from error
    except yaml.reader.ReaderError as error:
        line = text[: int(error.position)].count("\n") + 1
        raise UserError(
            f"{path}: is not valid YAML: line {line}: the character #x{error.character:02x} "
            "does not belong into a text file"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{path}: is not valid YAML: {_marked(error)}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not valid YAML: {str(error)[:200]}") from error


def _marked(error: yaml.MarkedYAMLError) -> str:
    """A syntax error in one short line."""
    mark = error.problem_mark or error.context_mark
    reason = " ".join(filter(None, (error.context, error.problem)))
    tab = "; blanks indent, tabs do not" if r"\t" in (error.problem or "") else ""
    return f"{f'line {mark.line + 1}: ' if mark else ''}{' '.join(reason.split())[:200]}{tab}"


def _json(text: str, path: str | Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = Counter(key for key, _ in pairs)
        if twice := [key for key, count in keys.items() if count > 1]:
            raise UserError(f"{path}: the key {shown(twice[0])} stands there twice")
        return dict(pairs)

    def refuse(text: str) -> None:
        raise UserError(f"{path}: {text} is no finite number")

    def number(text: str) -> float:
        if not _is_finite(text) or underflows(text):
            raise UserError(f"{path}: {shown(text)} is beyond what a number holds")
        return float(text)

    try:
        content = json.loads(
            text, object_pairs_hook=unique, parse_constant=refuse, parse_float=number
        )
        json.dumps(content, ensure_ascii=False).encode()  # halves of characters are no text
        return content
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not valid JSON: {str(error)[:200]}") from error


def merged(*contents: Mapping[str, Any]) -> dict[str, Any]:
    """Lay configurations over each other as Snakemake does: later ones win, mappings are merged."""
    result: dict[str, Any] = {}
    for content in contents:
        for key, value in content.items():
            below = result.get(key)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                value = merged(below, value)
            result[key] = value
    return result


# --- models ---------------------------------------------------------------------------------------


def validated(model: type[Model], content: Mapping[str, Any], file: str) -> Model:
    """Check a mapping against a model.

    Raises:
        UserError: every problem, one a line: file, field, what was found, what is allowed.
    """
    try:
        return TypeAdapter(model).validate_python({str(k): v for k, v in content.items()})
    except ValidationError as error:
        problems = [_problem(model, issue) for issue in error.errors()]
        raise UserError(listed(f"{file}: {problem}" for problem in problems)) from error


def _problem(model: type, issue: Mapping[str, Any]) -> str:
    """One problem found by pydantic, in words."""
    # The location may hold the branch of a union, which no user has written.
    names = [p for p in issue["loc"] if p not in _BRANCHES and not str(p).startswith("list[")]
    place = _cut(".".join(map(str, names))) or "the file"
    if issue["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        allowed = ", ".join(_fields_at(model, names[:-1]))
        return f"unknown key {place!r}" + (f"; allowed: {allowed}" if allowed else "")
    if issue["type"] == "missing":
        return f"{place}: is required"
    message = issue["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = issue["input"]
    parts = value if isinstance(value, list) else [value]
    plain = not any(isinstance(part, dict | BaseModel) for part in parts)
    plain = plain and not (value is None and issue["type"] == "value_error")  # was left out
    unquoted = issue["type"] == "string_type" and isinstance(value, int | float)
    hint = f"; {_QUOTE}" if unquoted else ""
    return f"{place}: {_cut(message)}" + (f", got {shown(value)}{hint}" if plain else "")


def _cut(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:497]}..."


def _fields_at(model: type, names: Sequence[str | int]) -> list[str]:
    """The fields that are allowed at a place of a model."""
    for place, name in enumerate(names):
        if isinstance(name, int):
            continue
        in_list = isinstance(next(iter(names[place + 1 :]), None), int)
        annotation = getattr(model, PYDANTIC_FIELDS)[name].annotation
        model = next(section for section, item in _sections(annotation) if item == in_list)
    return list(getattr(model, PYDANTIC_FIELDS))


def _sections(annotation: Any, item: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """The sections in an annotation, each with whether it is the item of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, item
    for argument in get_args(annotation):
        yield from _sections(argument, item or get_origin(annotation) is list)


# --- values that are given as text ----------------------------------------------------------------


_NOTHING = ("", "null", "~", "None")
_NUMBERS = {int, float}


def as_asked(model: type[BaseModel], content: Mapping[str, Any]) -> dict[str, Any]:
    """Values from a command line in the types that a model asks for, where their text allows it.

    ``"31"`` becomes 31 for a field of integers, 2024 becomes ``"2024"`` for a field of text; what
    the model does not know stays as it is, for its error.
    """
    fields = model.model_fields
    return {
        key: _converted(fields[key], value) if key in fields else value
        for key, value in content.items()
    }


def asks_for_text(model: type[BaseModel], key: str) -> bool:
    """Whether a model has a field that takes text, and no number that a text could be."""
    fields = model.model_fields
    kinds = set(_plain_types(fields[key].annotation)) if key in fields else set()
    return str in kinds and not kinds & _NUMBERS


def _converted(field: FieldInfo, value: Any) -> Any:
    sections = {item: section for section, item in _sections(field.annotation)}
    if isinstance(value, Mapping):
        return as_asked(sections[False], value) if False in sections else value
    if isinstance(value, list):
        asked, items = sections.get(True), set(_item_types(field.annotation))
        return [_converted_item(asked, items, item) for item in value]
    kinds = set(_plain_types(field.annotation))
    if isinstance(value, str) and value in _NOTHING and type(None) in kinds:
        return None
    # Where a text is one of two things that are allowed, one that is a number is meant as one.
    if isinstance(value, str) and (str not in kinds or kinds & _NUMBERS):
        return _number_in(value, kinds)
    if type(value) in _NUMBERS and str in kinds and not kinds & _NUMBERS:
        return str(value)
    return value


def _converted_item(asked: type[BaseModel] | None, kinds: set[type], item: Any) -> Any:
    if asked and isinstance(item, Mapping):
        return as_asked(asked, item)
    numbers = bool(kinds & _NUMBERS) and str not in kinds
    return _number_in(item, kinds) if isinstance(item, str) and numbers else item


def _plain_types(annotation: Any) -> Iterator[type]:
    """The types of a field, through unions; those inside of lists are others' business."""
    if isinstance(annotation, type):
        yield annotation
    elif get_origin(annotation) is not list:
        for argument in get_args(annotation):
            yield from _plain_types(type(argument) if isinstance(argument, str) else argument)


def _item_types(annotation: Any) -> Iterator[type]:
    """The types of the items of a list, through unions."""
    for argument in get_args(annotation):
        if get_origin(annotation) is list:
            yield from _plain_types(argument)
        else:
            yield from _item_types(argument)


def _number_in(text: str, kinds: set[type]) -> Any:
    if bool in kinds and text.lower() in (words := _WORDS | {"true": True, "false": False}):
        return words[text.lower()]
    try:
        number = written_number(text)
    except ValueError:
        return text
    return number if type(number) in kinds or float in kinds else text
