"""Reading the configuration's files: strict YAML, and `include`."""

import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from proxy.domain.json_text.codec import MAX_DEPTH
from proxy.settings.errors import ConfigError

_LIST_STEP = re.compile(r"(\w+)\[(\d+)\](.*)", re.DOTALL)


try:
    from yaml._yaml import CParser

    class _FastLoader(Composer, CParser, SafeConstructor, Resolver):
        """libyaml reads the text, ten times as fast; what becomes of it is decided by the same code."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    _Base: Any = _FastLoader
except ImportError:  # a build of PyYAML without libyaml
    _Base = yaml.SafeLoader


class _Loader(_Base):  # type: ignore[misc]
    """YAML in which a date (as in `api_version: 2024-02-01`) is text; names that are repeated in a mapping are noted."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels = 0
        self.repeated: list[tuple[int, str]] = []

    yaml_implicit_resolvers: ClassVar = {
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Lists and mappings are nested at most as deep as in a request's body."""
        self._levels += 1
        if self._levels > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise yaml.composer.ComposerError(None, None, message, self.peek_event().start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._levels -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    self.repeated.append((key.start_mark.line + 1, key.value))
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


@dataclass(frozen=True)
class Source:
    """A configuration as it was written, its files merged. `files` is each file's own content, by name.

    `repeated` names what is in a mapping twice, with its line; the last one counts. `places` has the line where a top-level name
    came from: a file, or for a list each item's file and position there.
    """

    document: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    places: Mapping[str, str | list[tuple[str, int]]] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    fetch_secrets: bool = True

    def locate(self, path: str) -> str:
        """`file: path`, as the operator finds it in the file."""
        step = _LIST_STEP.fullmatch(path)
        place = self.places.get(step[1] if step else re.split(r"[.\[]", path, maxsplit=1)[0])
        if step and isinstance(place, list) and int(step[2]) < len(place):
            file, position = place[int(step[2])]
            return f"{file}: {step[1]}[{position}]{step[3]}"
        file = place if isinstance(place, str) else next(iter(self.files), "")
        return f"{file}: {path}" if file else path


class DiskTexts:
    """The texts of files, from the disk. `read_texts` keeps each by its path: the same texts can be read again later.

    `fetch_secrets` False: no secret manager is called for what the files refer to.
    """

    def __init__(self, *, fetch_secrets: bool = True) -> None:
        self.fetch_secrets = fetch_secrets
        self.read_texts: dict[str, str] = {}

    def is_file(self, path: Path) -> bool:
        return path.is_file()

    def read(self, path: Path) -> str:
        """Raise OSError or UnicodeDecodeError."""
        text = self.read_texts[str(path)] = path.read_text(encoding="utf-8")
        return text


class KeptTexts(DiskTexts):
    """The texts of files as they were when they were read from the disk, by path."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self._texts = texts

    def is_file(self, path: Path) -> bool:
        return str(path) in self._texts

    def read(self, path: Path) -> str:
        if str(path) not in self._texts:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        text = self.read_texts[str(path)] = self._texts[str(path)]
        return text


def read_files(path: Path, texts: DiskTexts | None = None) -> Source:
    """A file and those that it includes: their lists are appended, their other names replace. Raise ConfigError."""
    texts = texts or DiskTexts()
    read = _Reader(path.parent, texts)
    document, places = read.merge(path, str(path))
    return Source(document, read.files, places, tuple(read.repeated), texts.fetch_secrets)


def parse_yaml(text: str, name: str, repeated: list[str] | None = None) -> dict[str, Any]:
    """A file's content, a mapping. Raise ConfigError with the line.

    What is in a mapping twice is appended to `repeated`, and is an error without it.
    """
    try:
        loader = _Loader(text)
        document = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: not readable as YAML: {str(error).splitlines()[0]}") from None
    found = [f"{name}, line {line}: {key!r} is in this mapping twice" for line, key in loader.repeated]
    if found and repeated is None:
        raise ConfigError(*found)
    if repeated is not None:
        repeated += found
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{name}: must be a mapping with model_list, general_settings ...")
    return {str(key): value for key, value in document.items()}


class _Reader:
    """Reads a file and those that it includes, each once."""

    def __init__(self, root: Path, texts: DiskTexts) -> None:
        self._root = root
        self._texts = texts
        self.files: dict[str, Mapping[str, Any]] = {}
        self.repeated: list[str] = []

    def merge(self, path: Path, shown: str) -> tuple[dict[str, Any], dict[str, str | list[tuple[str, int]]]]:
        """The content, and the places of its names: see Source."""
        own = parse_yaml(_read(self._texts, path, shown), shown, self.repeated)
        self.files[shown] = own
        document = {name: value for name, value in own.items() if name != "include"}
        places: dict[str, str | list[tuple[str, int]]] = {
            name: [(shown, position) for position in range(len(value))] if isinstance(value, list) else shown
            for name, value in document.items()
        }
        for position, name in enumerate(_include_names(own, shown)):
            file = self._find(name, path.parent, f"{shown}: include[{position}]")
            if file.resolve() in {Path(known).resolve() for known in self.files}:
                continue
            inner, inner_places = self.merge(file, str(file))
            for key, value in inner.items():
                before, place, inner_place = document.get(key), places.get(key), inner_places[key]
                if isinstance(value, list) and isinstance(before, list):
                    document[key] = [*before, *value]
                    places[key] = [*(place or ()), *inner_place]
                else:
                    document[key], places[key] = value, inner_place
        return document, places

    def _find(self, name: str, near: Path, place: str) -> Path:
        for folder in (near, self._root):
            file = Path(os.path.normpath(folder / name))
            if self._texts.is_file(file):
                return file
        raise ConfigError(f"{place}: there is no file {name!r} beside this one or the first one")


def _read(texts: DiskTexts, path: Path, shown: str) -> str:
    try:
        return texts.read(path)
    except OSError as error:
        raise ConfigError(f"{shown}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{shown}: is not UTF-8 text") from None


def _include_names(document: Mapping[str, Any], shown: str) -> list[str]:
    names = document.get("include") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{shown}: include: must be a list of file names")
    return names
