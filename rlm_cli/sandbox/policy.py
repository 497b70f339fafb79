# ruff: noqa: N802, N815  (visit_Name and its like are named by ast)
"""What a cell may say: the language half of the sandbox.

A cell is parsed, checked and rewritten by a relaxed subclass of RestrictedPython's transformer, then compiled. The
default policy of RestrictedPython routes every subscript, iteration and call through a hook, which makes loops 5.8
times slower; here they stay native, and only what leads out of the language is closed: names and attributes that reach
interpreter internals, `str.format` (whose field paths read attributes), attribute stores on objects that are not the
cell's own, and imports. The generated hooks have names such as `<getattr>` that no source can spell, so a cell cannot
rebind them (the class of CVE-2026-55830).

This is a barrier and not the boundary: the confined process around it is.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from types import CodeType
from typing import NamedTuple, NoReturn

from RestrictedPython.transformer import INSPECT_ATTRIBUTES, RestrictingNodeTransformer

GETATTR, FORMAT, WRITE, IMPORT, IMPORT_FROM, IMPORT_ALL, AWAIT, ECHO, JOIN = (
    "<getattr>",
    "<format>",
    "<write>",
    "<import>",
    "<import from>",
    "<import all>",
    "<await>",
    "<echo>",
    "<join>",
)

DENIED_ATTRIBUTES = frozenset(INSPECT_ATTRIBUTES) | {
    "ag_await",
    "ag_code",
    "ag_frame",
    "func_closure",
    "func_code",
    "func_globals",
    "gi_suspended",
    "mro",
    "obj",  # memoryview.obj, AttributeError.obj (CVE-2024-47532)
    "register",  # ABCMeta.register makes any class a Mapping for the code of the host
    "tb_lasti",
    "tb_lineno",
}
"""Attributes without an underscore that lead to frames, code or namespaces."""

GUARDED_UNDERSCORED = frozenset(
    {
        "_",
        "_asdict",
        "_fields",
        "_field_defaults",
        "_make",
        "_replace",
        "__name__",
        "__class__",
        "__doc__",
        "__qualname__",
    }
)
"""Attributes with an underscore that may be read, through the guard: named tuples, and names for messages."""

ALLOWED_DUNDER_NAMES = frozenset({"__name__", "__doc__", "__file__"})
STAR_HINT = "Name what you need: `from module import a, b`."
CLASS_HINT = "Classes are not available in a cell: use a dict, a namedtuple, SimpleNamespace(a=1) or plain functions."
MATCH_HINT = "`match` is not available in a cell: use if / elif."


class PolicyError(Exception):
    """A cell that may not run. `line` counts from 1; `hint` says what to write instead."""

    def __init__(self, message: str, line: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


class Compiled(NamedTuple):
    """A cell ready to run: `code` echoes its last expression by itself; `names` are all the names that it reads."""

    code: CodeType
    names: frozenset[str]
    stores: frozenset[str]


def attribute_problem(name: str) -> str:
    """Why the attribute `name` may not be read, or an empty string."""
    if name in DENIED_ATTRIBUTES:
        return f"the attribute '{name}' is not available in a cell"
    if name.startswith("__"):
        return f"attributes such as '{name}' are not available in a cell"
    return ""


class _Found:
    """Names that a cell reads and binds."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.stores: set[str] = set()


class CellTransformer(RestrictingNodeTransformer):
    """RestrictedPython's transformer, relaxed where the process bounds the harm and speed or habit demand it."""

    def __init__(self) -> None:
        super().__init__()
        self.found = _Found()
        self.depth = 0

    # --- refusals ---------------------------------------------------------------------------------------------------

    def refuse(self, node: ast.AST, message: str, hint: str = "") -> NoReturn:
        raise PolicyError(message, getattr(node, "lineno", None), hint)

    def error(self, node: ast.AST, info: str) -> NoReturn:
        self.refuse(node, info)

    def not_allowed(self, node: ast.AST) -> NoReturn:
        self.refuse(node, f"{type(node).__name__} is not available in a cell")

    def check_name(self, node: ast.AST, name: str | None, allow_magic_methods: bool = False) -> None:
        """Names: all but those that begin with two underscores and something else."""
        if name is not None and name.startswith("__") and name.strip("_"):
            self.refuse(
                node, f"the name '{name}' is not available in a cell", "Use a name without leading underscores."
            )

    def inject_print_collector(self, node: ast.AST, position: int = 0) -> None:
        """`print` is an ordinary function of the cell; nothing is injected."""

    def hook(self, node: ast.expr, name: str, *args: ast.expr) -> ast.Call:
        call = ast.Call(ast.Name(name, ast.Load()), list(args), [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    # --- names ------------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            self.found.names.add(node.id)
            if node.id in ALLOWED_DUNDER_NAMES:
                value = {"__name__": "__main__", "__file__": "cell.py"}.get(node.id)
                return ast.copy_location(ast.Constant(value), node)
        else:
            self.found.stores.add(node.id)
        self.check_name(node, node.id)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        for name in node.names:
            self.check_name(node, name)
            self.found.stores.add(name)
        return node

    visit_Nonlocal = visit_Global

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        # `SimpleNamespace(__reduce_ex__=f)` and its like: no keyword plants a magic attribute.
        self.check_name(node.value, node.arg)
        return self.node_contents_visit(node)

    # --- attributes -------------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = node.attr
        guarded = name in GUARDED_UNDERSCORED
        if not guarded:
            if problem := attribute_problem(name):
                self.refuse(node, problem)
            if name.startswith("_") and not isinstance(node.ctx, ast.Load):
                self.refuse(node, f"the attribute '{name}' cannot be set in a cell")
        node = self.node_contents_visit(node)
        if not isinstance(node.ctx, ast.Load):
            if guarded:
                self.refuse(node, f"the attribute '{name}' cannot be set in a cell")
            node.value = self.hook(node.value, WRITE, node.value)
            return node
        if guarded or name.startswith("_"):
            return self.hook(node, GETATTR, node.value, ast.Constant(name))
        if name in ("format", "format_map"):
            return self.hook(node, FORMAT, node.value, ast.Constant(name))
        return node

    # --- statements and expressions that stay native -----------------------------------------------------------------

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return self.node_contents_visit(node)

    def guard_iter(self, node: ast.For | ast.comprehension) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.target, ast.Name):
            self.found.names.add(node.target.id)
        return self.node_contents_visit(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_ListComp(self, node: ast.expr) -> ast.AST:
        return self.node_contents_visit(node)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        # The annotation is dropped unread: libraries evaluate annotations given as text.
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        plain = ast.copy_location(ast.Assign([node.target], node.value), node)
        return self.visit_Assign(plain)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node = self.node_contents_visit(node)
        # "\n".join(parts) where parts hold mapped text: `str.join` accepts real strings only. A separator and one
        # plain argument, so nothing else named `join` changes its meaning.
        target = node.func
        if not isinstance(target, ast.Attribute) or target.attr != "join" or len(node.args) != 1 or node.keywords:
            return node
        if isinstance(node.args[0], ast.Starred) or _real_texts(node.args[0]):
            return node
        return self.hook(node, JOIN, target.value, node.args[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        # A bare `except:` would swallow the time limit by accident.
        if node.type is None:
            node.type = ast.copy_location(ast.Name("Exception", ast.Load()), node)
        self.check_name(node, node.name)
        if node.name:
            self.found.stores.add(node.name)
        return self.node_contents_visit(node)

    def visit_TryStar(self, node: ast.AST) -> ast.AST:
        self.refuse(node, "`except*` is not available in a cell", "Use `except`.")

    def visit_Match(self, node: ast.AST) -> ast.AST:
        self.refuse(node, "`match` is not available in a cell", MATCH_HINT)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.refuse(node, "`class` is not available in a cell", CLASS_HINT)

    # --- functions --------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.check_name(node, node.name)
        self.found.stores.add(node.name)
        self.check_function_argument_names(node)
        node.returns = None
        if getattr(node, "type_params", None):
            node.type_params = []  # type: ignore[attr-defined]
        self.depth += 1
        try:
            return self.node_contents_visit(node)
        finally:
            self.depth -= 1

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.check_function_argument_names(node)
        return self.node_contents_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.check_name(node, node.arg)
        node.annotation = None
        return node

    # Our functions answer at once, so what is written for an event loop runs as if it had one.

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        values = {name: getattr(node, name) for name in node._fields}
        return self.visit_FunctionDef(ast.copy_location(ast.FunctionDef(**values), node))

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.guard_iter(
            ast.copy_location(ast.For(node.target, node.iter, node.body, node.orelse, node.type_comment), node)
        )

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.visit_With(ast.copy_location(ast.With(node.items, node.body, node.type_comment), node))

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        return self.guard_iter(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        node = self.node_contents_visit(node)
        return self.hook(node, AWAIT, node.value)

    # --- imports ----------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            self.check_name(node, bound)
            self.found.stores.add(bound)
            whole = ast.Constant(bool(alias.asname))
            call = self.hook(node, IMPORT, ast.Constant(alias.name), whole)  # type: ignore[arg-type]
            made.append(ast.copy_location(ast.Assign([ast.Name(bound, ast.Store())], call), node))
        return [ast.fix_missing_locations(statement) for statement in made]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt] | ast.stmt:
        module = node.module or ""
        if node.level or not module:
            self.refuse(node, "relative imports are not available in a cell")
        if module == "__future__":
            return ast.copy_location(ast.Pass(), node)
        made: list[ast.stmt] = []
        for alias in node.names:
            if alias.name == "*":
                if self.depth:
                    self.refuse(node, "`import *` only works at the top of a cell", STAR_HINT)
                call = self.hook(node, IMPORT_ALL, ast.Constant(module))  # type: ignore[arg-type]
                made.append(ast.copy_location(ast.Expr(call), node))
                continue
            bound = alias.asname or alias.name
            self.check_name(node, bound)
            self.found.stores.add(bound)
            call = self.hook(node, IMPORT_FROM, ast.Constant(module), ast.Constant(alias.name))  # type: ignore[arg-type]
            made.append(ast.copy_location(ast.Assign([ast.Name(bound, ast.Store())], call), node))
        return [ast.fix_missing_locations(statement) for statement in made]


def compile_cell(source: str, filename: str, *, echo: bool = True) -> Compiled:
    """The cell `source`, checked and compiled.

    With `echo` the value of a last bare expression goes to the `<echo>` hook. Raises PolicyError, SyntaxError, and
    MemoryError or RecursionError for sources that no parser bears.
    """
    tree = _parse(tidy(source), filename)
    return _compile(tree, filename, "exec", echo)


def compile_expression(source: str, filename: str) -> Compiled:
    """One expression, for a cell's `eval`."""
    tree = ast.parse(source.strip(), filename, "eval")
    return _compile(tree, filename, "eval", False)


def _compile(tree: ast.Module | ast.Expression, filename: str, mode: str, echo: bool) -> Compiled:
    transformer = CellTransformer()
    with _deep_recursion():
        _check_depth(tree)
        made = transformer.visit(tree)
        if echo:
            _echo_last(made)
        code = compile(made, filename, mode, dont_inherit=True)
    return Compiled(code, frozenset(transformer.found.names), frozenset(transformer.found.stores))


def _real_texts(items: ast.expr) -> bool:
    """Whether every item is real text by its form: f-string, literal, `str(…)`. The hook costs a short join a fifth."""
    if isinstance(items, ast.ListComp | ast.GeneratorExp):
        return _real_text(items.elt)
    return isinstance(items, ast.List | ast.Tuple) and all(map(_real_text, items.elts))


def _real_text(item: ast.expr) -> bool:
    if isinstance(item, ast.Constant):
        return isinstance(item.value, str)
    called = isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == "str"
    return called or isinstance(item, ast.JoinedStr)


def _check_depth(tree: ast.AST) -> None:
    """Refuse a tree so deep that it would overflow the C stack of the compiler."""
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > 2_000:
            raise PolicyError("the cell is nested too deeply", getattr(level[0], "lineno", None), "Split it up.")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _echo_last(module: ast.Module) -> None:
    if module.body and isinstance(last := module.body[-1], ast.Expr):
        call = ast.Call(ast.Name(ECHO, ast.Load()), [last.value], [])
        last.value = ast.fix_missing_locations(ast.copy_location(call, last.value))


def _parse(source: str, filename: str) -> ast.Module:
    try:
        return ast.parse(source, filename)
    except IndentationError:
        # A block that a model indented as a whole. `dedent` also looks inside triple-quoted text: only then.
        loose = textwrap.dedent(source)
        if loose == source:
            raise
        return ast.parse(loose, filename)


def tidy(source: str) -> str:
    """`source` as the parser can take it: lone surrogates replaced, prompts of an interactive session taken off."""
    source = source.encode("utf-8", "replace").decode("utf-8")
    lines = source.split("\n")
    coded = [line for line in lines if line.strip()]
    if coded and coded[0].lstrip().startswith(">>> "):
        lines = [line[4:] for line in lines if line.startswith((">>> ", "... ")) or line in (">>>", "...")]
        return "\n".join(lines)
    return source


class _deep_recursion:  # noqa: N801  (used as a statement)
    """The transformer recurses twice a level; a sum of 900 terms is 900 levels deep."""

    def __enter__(self) -> None:
        self.limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(self.limit, 12_000))

    def __exit__(self, *_: object) -> None:
        sys.setrecursionlimit(self.limit)
