"""The blocks between braces of Rust and TypeScript, found without a parser of the language.

Comments, strings and regular expressions are blanked first, so that their braces do not count. Lines keep their numbers. A
block is a function, a type (class, `impl`, trait), control, or something else. The text before its brace decides the kind.
Control is `if`, `else`, `for`, `while`, `loop`, `match`, `switch`, `do`, `try`, `catch` and `finally`. These are not control: a
closure, an arm of a `match`, a block that is only a scope, and the `else` of `let ... else`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

CONTROL = re.compile(r"(?<![\w.#])(if|else|for|while|loop|match|switch|do|try|catch|finally)\b(?!\s*:)")
RUST = re.compile(
    r"//[^\n]*|/\*.*?\*/|b?r(#*)\".*?\"\1|b?\"(?:\\.|[^\"\\])*\"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])'", re.DOTALL
)
PAGE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|(?<=[(,=:\[!&|?{};])(\s*)/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/",
    re.DOTALL,
)
ITEM = re.compile(
    r"(?:\s*#\[[^\]]*\])*\s*(?:pub(?:\([^)]*\))?\s+)?(?:fn|mod|impl|use|struct|enum|type|const|static|trait)\b"
)
SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL)


@dataclass
class Block:
    kind: str
    header: str
    first: int
    """The line of the header's first character."""
    last: int = 0
    inside: list["Block"] = field(default_factory=list)

    def walk(self) -> Iterator["Block"]:
        for block in self.inside:
            yield block
            yield from block.walk()


def blanked(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda found: _blank(found[0]), text)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def script(text: str) -> str:
    """Return a Svelte file with everything blanked except its scripts. Lines keep their numbers."""
    kept, at = [], 0
    for found in SCRIPT.finditer(text):
        kept += [_blank(text[at : found.start(1)]), found[1]]
        at = found.end(1)
    return "".join((*kept, _blank(text[at:])))


def page(text: str) -> str:
    """Blank the comments and strings of TypeScript. The expressions in a template string stay."""
    pieces, at, rest = [], 0, text
    while (found := re.compile(r"`|" + PAGE.pattern, re.DOTALL).search(rest, at)) is not None:
        pieces.append(rest[at : found.start()])
        if found[0] == "`":
            end = _template(rest, found.end())
            pieces.append(_blank(rest[found.start() : end]))
            at = end
        else:
            pieces.append(_blank(found[0]))
            at = found.end()
    return "".join((*pieces, rest[at:]))


def _template(text: str, at: int) -> int:
    """Return the end of a template string. The code inside `${}` is skipped."""
    deep = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text.startswith("${", at):
            deep, at = deep + 1, at + 1
        elif deep and text[at] in "{}":
            deep += 1 if text[at] == "{" else -1
        elif deep and text[at] == "`":
            at = _template(text, at + 1) - 1
        elif text[at] == "`":
            return at + 1
        at += 1
    return at


def rust(text: str) -> str:
    """Blank the comments and strings of Rust, and all code that is only for tests."""
    text = blanked(text, RUST)
    while (found := re.search(r"#\[cfg\(test\)\]", text)) is not None:
        end = _item_end(text, found.end())
        text = text[: found.start()] + _blank(text[found.start() : end]) + text[end:]
    return text


def _item_end(text: str, at: int) -> int:
    """Return the end of the item or field that an attribute belongs to. A comma or the surrounding brace ends a field."""
    is_item = ITEM.match(text, at)
    deep = 0
    for found in re.compile(r"[(){}\[\];,]").finditer(text, at):
        sign = found[0]
        if sign == "{" and deep == 0:
            return _closing(text, found.start())
        if deep == 0 and (sign == ";" or (sign in ",}" and not is_item)):
            return found.start() if sign == "}" else found.end()
        deep += (sign in "([{") - (sign in ")]}")
    return len(text)


def _closing(text: str, at: int) -> int:
    deep = 0
    for found in re.compile(r"[{}]").finditer(text, at):
        deep += 1 if found[0] == "{" else -1
        if deep == 0:
            return found.end()
    return len(text)


def blocks(text: str, language: str) -> Block:
    """Read blanked text into a tree of blocks."""
    reader = _Reader(language)
    for found in re.compile(r"[{};]|[^{};]+").finditer(text):
        reader.take(found[0])
    return reader.top


class _Reader:
    def __init__(self, language: str) -> None:
        self.language = language
        self.top = Block("top", "", 1)
        self.open: list[tuple[Block, str, int]] = []
        self.header, self.begins, self.line = "", 1, 1

    def take(self, token: str) -> None:
        if token == "{":
            self.enter()
        elif token == "}":
            self.leave()
        elif token == ";" and not _unclosed(self.header):
            self.header = ""
        else:
            if not self.header.strip(" \n\t\0"):
                self.begins = self.line + token[: len(token) - len(token.lstrip())].count("\n")
            self.header += token
            self.line += token.count("\n")

    def enter(self) -> None:
        kind = kind_of(self.header, self.language, self.open[-1][0].kind if self.open else "top")
        block = Block(kind, self.header, self.begins if kind in ("function", "type") else self.line)
        (self.open[-1][0] if self.open else self.top).inside.append(block)
        self.open.append((block, self.header, self.begins))
        self.header = ""

    def leave(self) -> None:
        if not self.open:
            return
        block, header, begins = self.open.pop()
        block.last = self.line
        self.header = ""
        if block.kind == "literal" or (block.kind != "control" and _unclosed(header)):
            self.header, self.begins = f"{header}_", begins
        elif block.kind == "control":
            self.header = "\0"
            if _unclosed(header):
                found = CONTROL.search(header, header.rfind("=>") + 1)
                self.header, self.begins = header[: found.start() if found else 0] + "\0", begins


def _unclosed(header: str) -> bool:
    return header.count("(") + header.count("[") > header.count(")") + header.count("]")


def kind_of(header: str, language: str, above: str) -> str:
    return _kind_rust(header) if language == "rust" else _kind_page(header, above)


def _kind_rust(header: str) -> str:
    text = header[header.rfind("=>") + 2 :] if "=>" in header else header
    if re.search(r"\bfn\s+\w+", text) and not _unclosed(text):
        return "function"
    if re.match(r"[\s\0]*(#!?\[[^\]]*\]\s*)*(pub(\([^)]*\))?\s+)?(unsafe\s+)?(impl|trait)\b", text):
        return "type"
    if re.match(r"[\s\0]*(#!?\[[^\]]*\]\s*)*(pub(\([^)]*\))?\s+)?(use|mod|struct|enum|union|macro_rules!)\b", text):
        return "other"
    words = _controls(text)
    if not words or text.rstrip().endswith("|"):
        return "literal" if _unclosed(text) else "other"
    after = text[words[-1].end() :]
    if _unclosed(after) or (words[-1][0] == "for" and " in " not in after and "\nin " not in after):
        return "literal"
    pattern = after.rpartition("let ")
    return "literal" if pattern[1] and not re.search(r"(?<![=!<>])=(?![=>])", pattern[2]) else "control"


def _controls(text: str) -> list[re.Match[str]]:
    """Return the control keywords in the text. The `else` of `let ... else` does not count, because no block comes before it."""
    found = list(CONTROL.finditer(text))
    return [one for one in found if one[0] != "else" or text[: one.start()].rstrip(" \n\t").endswith("\0")]


def _kind_page(header: str, above: str) -> str:
    text = header.strip(" \n\t\0")
    if re.search(r"\b(class|interface|enum|namespace)\s+\w+[^=;(]*$", text):
        return "type" if re.search(r"\bclass\s+\w+", text) else "other"
    if text.endswith((":", "|", "&", "<", ",", "[", "=", "?", "(")) or re.search(
        r"\b(return|import|export|type)$", text
    ):
        return "literal"
    if text.endswith("=>"):
        return "function" if arrow(text) else "other"
    words = _controls(header[header.rfind("=>") + 2 :] if "=>" in header else header)
    if words and not _unclosed(header[words[-1].end() :]):
        return "control"
    if re.search(r"\bfunction\b", text) and not _unclosed(text):
        return "function"
    is_method = re.search(r"[\w\]]\s*(<[^{}]*>)?\([^{}]*\)[^=()]*$", text) and not _unclosed(text)
    return "function" if is_method and above in ("type", "literal", "other") else "other"


def arrow(text: str) -> str:
    """Return the name that an arrow function is assigned to."""
    found = re.search(
        r"(?:^|\b(?:const|let)\s+|[;{}]\s*)(?:(?:private|readonly|static|public)\s+)*(#?\w+)\s*(?::[^=]+(?:=>[^=]+)?)?=\s*(?:async\s*)?(?:<[^>]*>)?\(?[^=]*\)?[^=]*=>$",
        text,
    )
    return found[1] if found else ""


def title(block: Block, language: str) -> str:
    """Return the name of a function as its file writes it."""
    header = block.header.strip(" \n\t\0")
    if language == "rust":
        return re.findall(r"\bfn\s+(\w+)", header)[-1]
    if header.endswith("=>"):
        return arrow(header)
    if found := re.findall(r"\bfunction\b\s*\*?\s*(\w*)", header):
        return found[-1] or "function"
    found = re.findall(r"(#?\w+)\s*(?:<[^{}()]*>)?\(", header)
    return found[0] if found else "function"


def depth(block: Block) -> int:
    """Return the depth of nested control blocks. A function inside another function is measured separately."""
    deepest = 0
    for inner in block.inside:
        if inner.kind in ("function", "type"):
            continue
        deepest = max(deepest, depth(inner) + (_levels(inner.header) if inner.kind == "control" else 0))
    return deepest


def _levels(header: str) -> int:
    """Count the control levels of a header, also without braces: `for (...) if (...) {` has two levels, `else if` has one."""
    text = header[header.rfind("=>") + 2 :] if "=>" in header else header
    own = [one for one in _controls(text) if not _unclosed(text[one.end() :])]
    return max(1, len(own) - len(re.findall(r"\belse\s+if\b", text)))
