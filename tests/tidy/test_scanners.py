"""Each scanner finds the violations that it is made for, in a small tree of files."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.tidy import constants, folders, page_code, python_code, rust_code
from tests.tidy.blocks import blocks, depth, page, rust, title
from tests.tidy.finding import Finding

CORE = "media/plane/core/src"


def grown(root: Path, **texts: str) -> Path:
    """Write Python files. In a name `__` means a slash. Each package gets its `__init__`."""
    return planted(root, {name.replace("__", "/") + ".py": text for name, text in texts.items()})


def planted(root: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
        for folder in path.relative_to(root).parents if path.suffix == ".py" else ():
            if folder.name and not (root / folder / "__init__.py").exists():
                (root / folder / "__init__.py").write_text("")
    return root


def names(found: list[Finding], kind: str) -> set[str]:
    return {one.name for one in found if one.kind == kind}


def python(root: Path, kind: str) -> set[str]:
    return names(python_code.scan(python_code.Code(root)), kind)


@pytest.mark.parametrize(
    "back",
    [
        "from rooms import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rooms.a import A",
        "def late():\n    from rooms.a import A",
        "import importlib\nimportlib.import_module('rooms.a')",
        "import importlib\ndef some(name):\n    importlib.import_module(f'rooms.a{name}')",
        "APPLICATION = 'rooms.a:start'",
        "WORDS = ['python', '-m', 'rooms.a']",
        "from rooms import A",
    ],
    ids=["top", "typing", "function", "import_module", "f-string", "loader", "process", "door"],
)
def test_a_circle_of_python_files(tmp_path: Path, back: str) -> None:
    door = {"rooms/__init__.py": "from rooms.a import A", "rooms/c.py": "from rooms import a"}
    grown(tmp_path, rooms__a="from rooms import b", rooms__b=back)
    planted(tmp_path, door)
    assert python(tmp_path, "circle of Python files") == {"rooms.a", "rooms.b"}


def test_code_outside_reads_the_door_itself(tmp_path: Path) -> None:
    planted(
        tmp_path,
        {"media/__init__.py": "from media.a import A", "media/a.py": "A = 1", "conference/b.py": "from media import A"},
    )
    graph = python_code.Code(tmp_path).graph()
    assert set(graph["conference.b"]) == {"media"}
    assert set(graph["media"]) == {"media.a"}


def test_a_cycle_of_folders_is_found_without_a_cycle_of_files(tmp_path: Path) -> None:
    grown(
        tmp_path,
        rooms__x__a="from rooms.y import b",
        rooms__y__b="",
        rooms__y__c="from rooms.x import d",
        rooms__x__d="",
    )
    assert python(tmp_path, "circle of Python folders") == {"rooms.x", "rooms.y"}
    assert not python(tmp_path, "circle of Python files")


def test_a_call_by_a_name_in_a_variable(tmp_path: Path) -> None:
    grown(
        tmp_path,
        rooms__a="""
        class Call:
            def tell(self, name):
                getattr(self.events, name)(self)
            def later(self, name):
                deed = getattr(self.events, name)
                deed()
            def value(self, name):
                return getattr(self.row, name)
            def plain(self):
                getattr(self.events, "opened")(self)
        """,
    )
    found = python(tmp_path, "call by a name in a variable")
    assert found == {"rooms/a.py Call.tell", "rooms/a.py Call.later"}


def test_long_and_deep_python_functions(tmp_path: Path) -> None:
    long = "def long():\n" + "    x = 1\n" * 70
    fits = "def fits():\n" + "    x = 1\n" * 69
    deep = "def deep():\n" + "".join(f"{'    ' * at}if x:\n" for at in range(1, 6)) + "    " * 6 + "pass\n"
    chain = "def chain():\n    if x:\n        pass\n" + "    elif x:\n        pass\n" * 6
    grown(tmp_path, rooms__a=long + fits + deep + chain)
    assert python(tmp_path, "long Python function") == {"rooms/a.py long"}
    assert python(tmp_path, "deep Python function") == {"rooms/a.py deep"}


def test_a_function_that_takes_the_conference_is_its_method(tmp_path: Path) -> None:
    body = "class Conference:\n" + "".join(f"    def m{at}(self): ...\n" for at in range(30))
    grown(tmp_path, conference__a=body, conference__b="def f(all: 'list[Conference]'): ...")
    assert not python(tmp_path, "large Python class")
    grown(tmp_path, conference__b="def f(x: int, whole: 'Conference | None'): ...")
    found = python_code.scan(python_code.Code(tmp_path))
    assert [(one.name, one.size) for one in found] == [("conference/a.py Conference", 31)]


def test_methods_of_a_base_class_count(tmp_path: Path) -> None:
    grown(
        tmp_path,
        rooms__a="class A:\n" + "".join(f"    def a{at}(self): ...\n" for at in range(16)),
        rooms__b="class B(A, Protocol):\n" + "".join(f"    def b{at}(self): ...\n" for at in range(15)),
    )
    assert python(tmp_path, "large Python class") == {"rooms/b.py B"}


def test_a_circle_of_rust_files(tmp_path: Path) -> None:
    texts = {
        "lib": "mod a; mod b; mod c; mod d; pub use a::A;",
        "a": "use crate::{c, b::{self, B}};\nimpl A { fn f() { crate::c::go() } }",
        "b": "pub struct B(crate::A);",
        "c": "#[cfg(test)]\nmod tests { use crate::a::A; }\n// use crate::a::A;",
        "d": 'const WORDS: &str = "crate::a::A"; use crate::a;',
    }
    planted(tmp_path, {f"{CORE}/{name}.rs": text for name, text in texts.items()})
    assert names(rust_code.scan(tmp_path), "circle of Rust files") == {f"{CORE}/a.rs", f"{CORE}/b.rs"}


def test_a_rust_module_and_its_child(tmp_path: Path) -> None:
    planted(
        tmp_path,
        {
            f"{CORE}/lib.rs": "mod rate;",
            f"{CORE}/rate.rs": "mod loss; pub struct Rate(loss::Loss);",
            f"{CORE}/rate/loss.rs": "use super::Rate;",
        },
    )
    found = rust_code.scan(tmp_path)
    assert names(found, "circle of Rust files") == {f"{CORE}/rate.rs", f"{CORE}/rate/loss.rs"}
    assert not names(found, "circle of Rust folders")


def test_a_circle_of_rust_folders(tmp_path: Path) -> None:
    texts = {
        "lib.rs": "mod x; mod y;",
        "x/mod.rs": "mod a; mod b;",
        "x/a.rs": "use crate::y::c::C;",
        "x/b.rs": "",
        "y/mod.rs": "mod c; mod d;",
        "y/c.rs": "",
        "y/d.rs": "use super::super::x::b;",
    }
    planted(tmp_path, {f"{CORE}/{name}": text for name, text in texts.items()})
    found = rust_code.scan(tmp_path)
    assert names(found, "circle of Rust folders") == {f"{CORE}/x", f"{CORE}/y"}
    assert not names(found, "circle of Rust files")


def test_long_and_deep_rust_functions(tmp_path: Path) -> None:
    long = "impl A {\n    fn long(&self) -> [u8; 4] {\n" + "        go();\n" * 69 + "    }\n}\n"
    deep = """
    fn deep(x: u8) {
        for y in x.iter().map(|z| { z + 1 }) {
            if let Some(One { a, b }) = y {
                while a { match b { Kind::A { c } if c => { loop { go('{'); } } _ => {} } }
            }
        }
    }
    fn flat() { let Some(x) = y else { if a { b() } return }; z(|| { if a { "}" } else { b } }); }
    """
    planted(tmp_path, {f"{CORE}/lib.rs": long + dedent(deep)})
    found = rust_code.scan(tmp_path)
    assert names(found, "long Rust function") == {f"{CORE}/lib.rs long"}
    assert names(found, "deep Rust function") == {f"{CORE}/lib.rs deep"}


def test_methods_of_a_rust_type_over_two_blocks_and_a_function(tmp_path: Path) -> None:
    first = "pub struct Shard; impl Shard {" + "".join(f"fn a{at}(&self) {{}} " for at in range(20)) + "}"
    second = (
        "use crate::a::Shard; impl<'a> Drop for Shard {" + "".join(f"fn b{at}(&self) {{}} " for at in range(10)) + "}"
    )
    planted(tmp_path, {f"{CORE}/lib.rs": "mod a; mod b;", f"{CORE}/a.rs": first, f"{CORE}/b.rs": second})
    assert not names(rust_code.scan(tmp_path), "large Rust type")
    planted(tmp_path, {f"{CORE}/c.rs": "fn take(shard: &mut Shard, x: u8) {}\nfn all(shards: &[Shard]) {}"})
    sizes = {one.name: one.size for one in rust_code.scan(tmp_path)}
    assert sizes == {f"{CORE}/a.rs Shard": 31}


def test_a_circle_of_typescript(tmp_path: Path) -> None:
    planted(
        tmp_path,
        {
            "web/src/x/a.ts": "import type { B } from '../y/b';\n",
            "web/src/y/b.ts": "// import './c.svelte'\nexport { A } from '../x/a';\n",
            "web/src/y/c.svelte": "<script lang='ts'>\n  await import('../x/d');\n</script>\n{#if a}import '../x/a'{/if}\n",
            "web/src/x/d.svelte.ts": "",
        },
    )
    found = page_code.scan(tmp_path)
    assert names(found, "circle of TypeScript files") == {"web/src/x/a.ts", "web/src/y/b.ts"}
    assert names(found, "circle of TypeScript folders") == {"web/src/x", "web/src/y"}


def test_long_and_deep_typescript_functions_and_large_classes(tmp_path: Path) -> None:
    long = "export const long = async (x: number): Promise<void> => {\n" + "  go();\n" * 69 + "};\n"
    deep = """
    class A {
      private deep(x: { a: number }): void {
        for (const y of x) if (y) {
          while (`}${y}`) { switch (y) { case 1: try { go(/[}]/); } catch { go(); } } }
        }
      }
    }
    """
    large = (
        "class Large {\n"
        + "".join(f"  get m{at}(): number {{ return {at}; }}\n" for at in range(30))
        + "  z = () => { go(); };\n}\n"
    )
    planted(tmp_path, {"web/src/a.ts": long + dedent(deep) + large})
    found = page_code.scan(tmp_path)
    assert names(found, "long TypeScript function") == {"web/src/a.ts long"}
    assert names(found, "deep TypeScript function") == {"web/src/a.ts deep"}
    assert [(one.name, one.size) for one in found if one.size] == [("web/src/a.ts Large", 31)]


def test_a_full_folder(tmp_path: Path) -> None:
    grown(tmp_path, **{f"rooms__a__f{at}": "x = 1" for at in range(14)}, rooms__a__words='"""Only this."""')
    planted(tmp_path, {"rooms/a/b_tests.rs": ""})
    assert not folders.scan(tmp_path)
    grown(tmp_path, rooms__a__more="x = 1")
    assert [(one.name, one.size) for one in folders.scan(tmp_path)] == [("rooms/a", 15)]


def test_an_unused_limit(tmp_path: Path) -> None:
    grown(
        tmp_path,
        rooms__limits="USED, HALF = 1, 2\nALONE = 3\nMADE_FROM_IT = ALONE\nBASE = 4\nSUM = BASE + 1\nSAME = 5\nTAKEN = 6",
        conference__ground__limits="SAME, DEEP = 5, 6",
        rooms__a="from rooms import limits as bounds\nfrom rooms.limits import SUM\nx = bounds.USED + SUM",
        conference__b="from conference import limits\nfrom rooms import TAKEN\nx = limits.SAME + TAKEN",
        signaling__c="import conference\nx = conference.limits.DEEP",
    )
    planted(tmp_path, {"rooms/__init__.py": "from rooms.limits import TAKEN, HALF"})
    planted(tmp_path, {"conference/__init__.py": "from conference.ground import limits"})
    planted(tmp_path, {f"{CORE}/a.rs": "pub const USED: u8 = 1; const ALONE: u8 = 2; fn f() -> u8 { USED }"})
    found = names(constants.scan(python_code.Code(tmp_path)), "unused limit")
    expected = {f"rooms.limits {name}" for name in ("HALF", "ALONE", "MADE_FROM_IT", "SAME")}
    assert found == expected | {f"{CORE}/a.rs ALONE"}


def test_blocks_of_rust_keep_their_lines() -> None:
    text = rust('struct S {\n    #[cfg(test)]\n    a: Box<dyn Fn()>,\n}\n\nfn f() {\n    r#"{"#;\n}\n')
    (found,) = [one for one in blocks(text, "rust").walk() if one.kind == "function"]
    assert (title(found, "rust"), found.first, found.last, depth(found)) == ("f", 6, 8, 0)


def test_an_unnamed_arrow_function_belongs_to_its_parent() -> None:
    text = page(
        "function f() {\n  if (a) g(() => {\n    if (b) { c(); }\n  });\n  for (;;) { x.map((y) => { if (y) { z(); } }); }\n}\n"
    )
    (found,) = [one for one in blocks(text, "page").walk() if one.kind == "function"]
    assert (title(found, "page"), found.last, depth(found)) == ("f", 6, 2)
