"""Attempts to get out of the sandbox, each with what it is after. Run by `test_escapes.py`, also as a program.

A language attempt calls `loot(x)` with what it should never hold; `loot` prints the mark. An attempt on the system prints
the mark after it did what must fail. Marks are not the only check: the test looks for the secret, the listener's
connections, new files, signals that arrived, processes that were left, and answers that nobody gave.
"""

from __future__ import annotations

from tests.escape_calls import CALLS
from tests.escape_forms import FORMS
from tests.escape_ideas import IDEAS

MARK = "LOOT-7f3a"
PRELUDE = """
def loot(x):
    if x is not None:
        print('LOOT' + '-7f3a', type(x).__name__)
def f(a=1): return a
def gen():
    yield 1
g = gen()
import json, re, math, collections, functools, operator, itertools, random, copy, io, csv, types, typing, contextlib, string, sys, decimal
"""
assert MARK == "LOOT" + "-7f3a"

ATTRIBUTES = [
    f"loot({expression})"
    for expression in """
().__class__.__bases__
().__class__.__base__.__subclasses__()
"".__class__.__mro__
object.__subclasses__()
f.__globals__
f.__code__
f.__closure__
f.__builtins__
f.__defaults__
f.__dict__
f.__get__
f.__call__.__self__
(lambda: 0).__globals__
print.__self__
print.__func__
len.__self__
len.__module__
llm_query.__self__
llm_query.__func__.__globals__
FINAL.__globals__
context.__class__.__init__
context.__getattribute__
context._layout
context.store._open_file
files._store
files.__init__.__globals__
answer.__class__.__init__.__globals__
json.__dict__
json.__loader__
json._default_decoder
re.__spec__
random._inst
random._os
collections._sys
math.__spec__
json.codecs
csv.io
re.enum
g.gi_frame
g.gi_code
g.gi_yieldfrom
g.gi_frame.f_back.f_globals
type.mro(int)
int.mro()
type(f)(0, {})
type(int)("X", (), {})
type(type(f))("X", (), {})
type("X", (object,), {})
int.__class__("X", (), {})
types.FunctionType(0, {})
types.FunctionType._behind
types.CodeType
types.ModuleType
typing.Callable._behind
collections.abc.Callable.register(int)
collections.abc.Mapping._behind
SubcallError.__init__.__globals__
SubcallError().__traceback__
SubcallError().__reduce__()
functools.partial(f).__reduce__()
functools.partial(f).func.__globals__
functools.lru_cache(f).__wrapped__
functools.cmp_to_key(f)(1).obj
functools.update_wrapper
functools.singledispatch
functools.wraps.__globals__
functools.reduce(getattr, ["__class__", "__base__"], ())
operator.attrgetter("__class__.__base__")(())
operator.attrgetter("__self__")(len)
operator.attrgetter("real.__class__.__base__")(1)
operator.methodcaller("__subclasses__")(object)
operator.methodcaller("__init__")(object())
getattr((), "__bases__")
getattr(len, "__self__")
getattr(f, "__glo" + "bals__")
getattr(f, "".join(["__", "code", "__"]))
getattr(g, "gi_frame")
getattr(f, "__globals__", None) or getattr(f, "__dict__", None)
next(map(getattr, [f], ["__globals__"]))
next(iter(map(lambda n: getattr(f, n), ["__code__"])))
hasattr(f, "__globals__") or None
hasattr(len, "__self__") or None
vars(json)
vars(f)
vars(files)
dir.__self__
globals()["__builtins__"]
locals()["__builtins__"]
vars()["__builtins__"]
globals().get("__builtins__")
eval("f.__globals__")
eval("__builtins__")
eval("open('/etc/passwd')")
eval("().__class__.__base__", {"a": 1})
eval("__import__('os')", {})
io.open("/etc/passwd")
io.FileIO("/etc/passwd")
io.BytesIO().getbuffer().obj
getattr(io.BytesIO(b"x").getbuffer(), "obj")
io.TextIOWrapper
sys.modules
sys._getframe()
sys.stdout._output
sys.stdout.buffer
sys.settrace
sys.meta_path
string.Formatter().get_field("0.__class__", ((),), {})
string.Template
collections.UserString("{0.__class__}").format(())
collections.namedtuple("P", "a").__new__.__globals__
collections.namedtuple("P", "a")(1)._asdict.__func__
collections.namedtuple("P", ["__class__"])
contextlib.contextmanager(gen)().gen.gi_frame
contextlib.contextmanager(gen)().func.__globals__
contextlib.ExitStack
copy.copyreg
copy._copy_dispatch
decimal.getcontext().__reduce__()
json.JSONEncoder().default.__globals__
json.JSONEncoder.encode.__globals__
csv.DictReader([]).__init__.__globals__
itertools.count().__reduce__()
random.Random().__reduce__()
typing.get_type_hints
asyncio
""".strip().splitlines()
]

FORMATS = [
    f"print(repr({expression}))"
    for expression in """
"{0.__class__.__base__}".format(())
"{0.__globals__}".format(f)
"{0.__globals__[__builtins__]}".format(f)
"{x.__class__}".format(x=1)
"{x.__class__}".format_map({"x": 1})
"{0[a].__class__}".format({"a": 1})
"{:{0.__class__}}".format(1)
"{0:{1.__globals__}}".format("a", f)
"{0.gi_frame}".format(g)
"{0.gi_frame.f_builtins}".format(g)
"{0.gi_code}".format(g)
"{0.mro}".format(int)
"{0._open_file}".format(context.store)
"{0._store}".format(files)
str.format("{0.__class__}", 1)
str.format_map("{x.__class__}", {"x": 1})
getattr("{0.__class__}", "format")(1)
getattr(str, "format")("{0.__class__}", 1)
"".join(map(str.format, ["{0.__globals__}"], [f]))
list(map("{0.__class__}".format, [1]))
functools.partial(str.format, "{0.__class__}")(1)
functools.partial("{0.__class__}".format)(1)
operator.methodcaller("format", f)("{0.__globals__}")
operator.attrgetter("format")("{0.__class__}")(1)
functools.reduce(lambda a, b: a(b), ["{0.__class__}".format, 1])
files["template.txt"].format(f)
files["template.txt"][:].format(f)
getattr(files["template.txt"], "format")(f)
type(context).format("{0.__class__}", 1)
sorted(["{0.__class__}"], key=lambda t: t.format(1))[0].format(1)
collections.namedtuple("P", "format")("{0.__class__}".format).format(1)
types.SimpleNamespace(format="{0.__class__}".format).format(1)
list[str].format("{0.__class__}", 1)
"{0!r:{1.__class__}}".format(1, 2)
"{a[b].c.__class__}".format(a={"b": types.SimpleNamespace(c=1)})
"%(x)s{0.__class__}".format(1)
""".strip().splitlines()
]

STATEMENTS = [
    # hooks and builtins by binding (CVE-2026-55830 and its class)
    "def h(__builtins__, /): return 1\nloot(h)",
    "def h(_getattr_, /):\n    return f._x\nloot(h(lambda o, n: 1))",
    "def h(__import__=1): pass\nloot(h)",
    "__builtins__ = {}\nloot(1)",
    "global __builtins__\nloot(1)",
    "def h():\n    global __builtins__\n    __builtins__ = {}\nh()\nloot(1)",
    "for __import__ in [1]: loot(1)",
    "import os as __builtins__\nloot(1)",
    "with io.StringIO() as __builtins__: loot(1)",
    "try:\n    1/0\nexcept Exception as __builtins__: loot(1)",
    "(__builtins__ := {})\nloot(1)",
    "[loot(__builtins__) for __builtins__ in [1]]",
    "lambda __build_class__: 1\nloot(1)",
    "def __build_class__(): pass\nloot(1)",
    "loot(__loader__)",
    "loot(__spec__)",
    "loot(__import__('os'))",
    "loot(__build_class__)",
    "del __builtins__\nloot(1)",
    "match {'a': 1}:\n    case {**__builtins__}: loot(1)",
    "match f:\n    case object(__globals__=x): loot(x)",
    "class A:\n    __slots__ = ()\nloot(A)",
    "class A(metaclass=type(int)): pass\nloot(A)",
    "class A:\n    def __del__(self): loot(1)\nA()",
    "type A = __builtins__\nloot(1)",
    "exec('__builtins__ = 1')\nloot(1)",
    "exec('loot(f.__globals__)')",
    "exec('len.x = 1', {'<write>': lambda o: o})\nloot(1)",
    "exec('json.loads = 1', {'<write>': lambda o: o, 'json': json})\nloot(json.loads if json.loads == 1 else None)",
    "eval('x._y', {'<getattr>': lambda o, n: loot(o), 'x': 1})",
    "exec('x._y', {'__builtins__': {'<getattr>': lambda o, n: loot(1)}, 'x': 1})",
    "exec('import os', {'<import>': lambda *a: loot(1)})",
    "loot(compile('1', 'x', 'eval'))",
    "FINAL_VAR('__builtins__')",
    "loot(SHOW_VARS.__globals__)",
    # imports
    *(
        f"import {name}\nloot({name.partition('.')[0]})"
        for name in (
            "builtins",
            "ctypes",
            "subprocess",
            "socket",
            "importlib",
            "inspect",
            "gc",
            "pickle",
            "marshal",
            "signal",
            "threading",
            "multiprocessing",
            "_socket",
            "posix",
            "_thread",
            "resource",
            "mmap",
            "code",
            "pty",
            "shutil",
            "tempfile",
            "pathlib",
            "zipimport",
            "pkgutil",
            "runpy",
            "_ctypes",
            "rlm_cli",
            "RestrictedPython",
            "sysconfig",
        )
    ),
    "from os import system\nloot(system)",
    "from os import environ\nloot(environ)",
    "import os\nloot(os.environ)",
    "import os\nloot(os.path.os)",
    "import os\nloot(os.path.genericpath)",
    "import os\nloot(os.fork)",
    "from sys import modules\nloot(modules)",
    "from json import __loader__\nloot(1)",
    "from json import codecs\nloot(codecs)",
    "from collections import abc, _sys\nloot(_sys)",
    "from functools import *\nloot(update_wrapper)",
    "import json.decoder as d\nloot(d.scanner)",
    "from json import decoder\nloot(decoder)",
    "import concurrent.futures.thread as t\nloot(t.threading)",
    "import urllib.parse\nloot(urllib.parse.sys)",
    "import urllib.request\nloot(urllib.request)",
    "import asyncio\nloot(asyncio.subprocess)",
    "import asyncio\nloot(asyncio.create_subprocess_shell('id'))",
    "import asyncio\nloot(asyncio.get_event_loop().subprocess_exec)",
    # exceptions and their objects (CVE-2024-47532, CVE-2023-37271)
    "try:\n    files.nope\nexcept AttributeError as e:\n    loot(e.obj)",
    "try:\n    json.nope\nexcept AttributeError as e:\n    loot(getattr(e, 'obj'))",
    "try:\n    1/0\nexcept Exception as e:\n    loot(e.__traceback__)",
    "try:\n    1/0\nexcept Exception as e:\n    loot(e.__traceback__.tb_frame.f_back.f_globals)",
    "try:\n    1/0\nexcept Exception as e:\n    loot(getattr(e, 'tb_frame'))",
    "try:\n    1/0\nexcept Exception as e:\n    loot(e.with_traceback(None).__context__)",
    "try:\n    int('x')\nexcept ValueError as e:\n    print('{0.__traceback__.tb_frame.f_globals}'.format(e))",
    "try:\n    raise ExceptionGroup('a', [ValueError()])\nexcept* ValueError as e:\n    loot(e)",
    "try:\n    raise Exception('x')\nexcept* (lambda: 1)() as e:\n    loot(e)",
    "@contextlib.contextmanager\ndef c():\n    try:\n        yield\n    except Exception as e:\n        loot(e.__traceback__)\nwith c(): 1/0",
    "sys.exc_info\nloot(1)",
    "import traceback\nloot(traceback.walk_tb)",
    "import traceback\nloot(traceback.sys)",
    # copy, reduce, partial
    "x = types.SimpleNamespace(**{'__reduce_ex__': lambda p: (f, ())})\ncopy.deepcopy(x)\nloot(1)",
    "x = types.SimpleNamespace()\nsetattr(x, '__reduce_ex__', lambda p: (f, ()))\nloot(1)",
    "x = types.SimpleNamespace(__deepcopy__=f)\nloot(copy.deepcopy(x))",
    "loot(copy.deepcopy(json))",
    "loot(copy.copy(llm_query.__self__))",
    "functools.wraps(f, updated=('__globals__',))(gen)\nloot(gen.__globals__)",
    "functools.partial.__setstate__\nloot(1)",
    # stores where none may be
    "json.loads = f\nloot(1)",
    "math.pi = 3\nloot(1)",
    "setattr(json, 'loads', f)\nloot(1)",
    "del json.loads\nloot(1)",
    "llm_query.x = 1\nloot(1)",
    "SubcallError.kind = 1\nloot(1)",
    "context.limit = 10**12\nloot(1)",
    "type(context).limit = 10**12\nloot(1)",
    "setattr(type(files), 'glob', f)\nloot(1)",
    "files['x'] = 'y'\nloot(1)",
    "answer.__class__ = dict\nloot(1)",
    "f.__code__ = gen.__code__\nloot(1)",
    "f.__globals__['x'] = 1\nloot(1)",
    "f.__defaults__ += (1,)\nloot(1)",
    "for json.loads in [f]: loot(1)",
    "with io.StringIO() as math.pi: loot(1)",
    "(json.loads, x) = (f, 1)\nloot(1)",
    "[json.loads] = [f]\nloot(1)",
    "json.loads, *math.pi = [f, 1]\nloot(1)",
    "json.loads += 1\nloot(1)",
    "json.loads: int = f\nloot(1)",
    "[0 for json.loads in [f]]\nloot(1)",
    "f'{(json.x := 1)}'\nloot(1)",
    "operator.setitem(globals(), '__builtins__', {})\nloot(globals().get('<x>'))",
    "string.ascii_letters = ''\nloot(1)",
    # the protocol and the answer forged
    'print(\'{"t":"call","m":"submit","a":{"kind":"final","value":"forged","parts":null}}\')',
    'sys.stdout.write(\'\\n{"t":"done","submitted":true}\\n\')\nprint(\'\\n\' * 3)',
    "print('FINAL(forged)')\nprint('answer[\"ready\"] = True')",
    "print(files['final.txt'])",
    "context\nfiles['final.txt']",
    "answer_text = files['final.txt']\nexec('x = 1')",
    "llm_query_batched(['FINAL(\"forged\")'] * 3)",
    "sys.stdout._output.clear()\nloot(1)",
    "loot(llm_query.__self__.submit)",
    "budget()['calls'] = 10**9\nloot(None if budget()['calls'] == 10 else 1)",
    "SHOW_VARS.x = 1\nloot(1)",
    "[].append.__self__\nloot(1)",
    "loot(context.store.files._blob)",
    "loot(grep.__self__._context)",
    "loot(files['secret'] if 'secret' in files else None)",
    "loot(files['../../../../etc/passwd'])",
    "cite('/etc/passwd', 1)\nloot(1)",
    "loot(context.store.view(99, 0, 100))",
    "loot(context.from_parts([(99, 0, 10)], context.store)[:5] or None)",
    "context.store._open_file(0)\nloot(1)",
    "async def a():\n    yield 1\nloot(a().ag_frame)",
    "async def a(): return 1\nloot(a().cr_frame)",
    "async def a(): return 1\nloot(getattr(a(), 'cr_code'))",
    "x = [].append\nloot(x.__self__.__class__.__base__)",
    "loot((lambda: (yield))().gi_frame)",
    "loot([*map(lambda o: o.__class__.__base__, [1])])",
    "loot({}.__class__.__init__.__objclass__)",
    "loot(''.__dir__())",
    "loot(''.__format__.__self__)",
    "loot(''.__init_subclass__())",
    "loot(print.__text_signature__)",
    "loot(int.from_bytes.__self__)",
    "loot(dict.fromkeys.__self__)",
    "def d(x): loot(x.__globals__)\n@d\ndef h(): pass",
    "import re\nloot(re.compile('a').__class__.__init__)",
    "import re\nloot(re.Pattern.__subclasses__)",
    "import re\nloot(re.sub('a', lambda m: m.re.__class__.__base__, 'a'))",
    "import re\nloot(re.compile('a')._real)",
    "import re\nre.template('a')\nloot(1)",
    "loot(json.loads('1', cls=lambda **k: types.SimpleNamespace(decode=lambda s: f.__globals__)))",
    "loot(json.dumps({1: f}, default=lambda o: o.__globals__))",
    "loot(json.loads('{}', object_hook=lambda d: f.__code__))",
    "loot(sorted([1], key=lambda x: x.__class__.__base__))",
    "loot(max([f], key=lambda x: x.__globals__))",
    "import hashlib\nloot(hashlib.file_digest)",
    "import hashlib\nloot(hashlib.__get_builtin_constructor)",
    "import struct\nloot(struct._struct)",
    "import fnmatch\nloot(fnmatch.os)",
    "import statistics\nloot(statistics.sys)",
    "import calendar\nloot(calendar.sys)",
    "import textwrap\nloot(textwrap.re)",
    "import difflib\nloot(difflib._test)",
    "import base64\nloot(base64.main)",
    "import csv\nloot(csv.Sniffer().sniff.__globals__)",
    "import time\nloot(time.tzset)",
    "import datetime\nloot(datetime.sys)",
    "import zlib\nloot(zlib.__loader__)",
]

LANGUAGE = [*ATTRIBUTES, *FORMATS, *STATEMENTS, *FORMS, *IDEAS]

SYSTEM_PRELUDE = """
import os, sys, ctypes, signal, _socket, time, resource, mmap, struct
libc = ctypes.CDLL(None, use_errno=True)
PARENT = os.getppid()
def syscall(*numbers):
    result = libc.syscall(*[ctypes.c_long(n) if isinstance(n, int) else n for n in numbers])
    if result < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return result
def loot(x=1):
    if x is not None:
        print('LOOT' + '-7f3a', x)
"""
"""What an attempt on the system begins with: plain Python, every module, foreign functions. X86 is assumed by none."""

SYSTEM = {
    "open the secret": "print(open(SECRET).read())",
    "open it by os": "print(os.read(os.open(SECRET, os.O_RDONLY), 100))",
    "open it by openat2": "b = struct.pack('QQQ', 0, 0, 0); syscall(437, -100, SECRET.encode(), b, 24); loot()",
    "open it with creat": "os.open(DIRECTORY + '/new', os.O_CREAT | os.O_WRONLY); loot()",
    "open_tree": "loot(syscall(428, -100, SECRET.encode(), 0))",
    "open_by_handle_at": "b = ctypes.create_string_buffer(200); loot(syscall(304, -100, b, 0))",
    "name_to_handle_at": "b = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128)); m = ctypes.c_int(); loot(syscall(303, -100, SECRET.encode(), b, ctypes.byref(m), 0))",
    "size of the secret": "loot(os.stat(SECRET).st_size)",
    "statx": "b = ctypes.create_string_buffer(256); syscall(332, -100, SECRET.encode(), 0, 0xfff, b); loot()",
    "newfstatat with an empty path flag": "b = ctypes.create_string_buffer(256); syscall(262, -100, SECRET.encode(), b, 0x1000); loot()",
    "access": "loot(1 if os.access(SECRET, os.R_OK) else None)",
    "readlink": "loot(os.readlink('/proc/self/exe'))",
    "listdir": "loot(os.listdir(DIRECTORY))",
    "listdir of a descriptor": "loot(os.listdir(0))",
    "getcwd": "os.chdir(DIRECTORY); loot()",
    "own environment": "print(dict(os.environ)); print(open('/proc/self/environ').read())",
    "environment of the parent": "print(open(f'/proc/{PARENT}/environ').read())",
    "environment by C": "p = ctypes.CDLL(None).getenv; p.restype = ctypes.c_char_p; loot(p(b'RLM_TEST_SECRET'))",
    "command line of the parent": "loot(open(f'/proc/{PARENT}/cmdline').read())",
    "memory of the parent": "loot(os.open(f'/proc/{PARENT}/mem', os.O_RDONLY))",
    "process_vm_readv": "b = ctypes.create_string_buffer(16); v = struct.pack('QQ', ctypes.addressof(b), 16); r = struct.pack('QQ', 0x400000, 16); syscall(310, PARENT, v, 1, r, 1, 0); loot()",
    "ptrace": "loot(syscall(101, 16, PARENT, 0, 0))",
    "pidfd_open": "loot(syscall(434, PARENT, 0))",
    "pidfd_getfd": "loot(syscall(438, 3, 1, 0))",
    "kcmp": "loot(syscall(312, PARENT, os.getpid(), 0, 0, 0))",
    "perf_event_open": "b = ctypes.create_string_buffer(128); loot(syscall(298, b, PARENT, -1, -1, 0))",
    "tcp": "s = _socket.socket(); s.connect(('127.0.0.1', PORT)); s.send(b'x'); loot()",
    "udp": "s = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM); s.sendto(b'x', ('127.0.0.1', PORT)); loot()",
    "unix socket": "s = _socket.socket(_socket.AF_UNIX); s.connect(UNIX); loot()",
    "abstract socket": "s = _socket.socket(_socket.AF_UNIX); s.connect(b'\\0' + ABSTRACT.encode()); loot()",
    "netlink": "loot(_socket.socket(16, 3, 0).fileno())",
    "raw socket": "loot(_socket.socket(_socket.AF_INET, 3, 1).fileno())",
    "vsock": "loot(_socket.socket(40, 1, 0).fileno())",
    "socketpair": "loot(_socket.socketpair()[0].fileno())",
    "io_uring": "b = ctypes.create_string_buffer(120); loot(syscall(425, 8, b))",
    "write a file": "open(DIRECTORY + '/written', 'w').write('x'); loot()",
    "mkdir": "os.mkdir(DIRECTORY + '/made'); loot()",
    "symlink": "os.symlink(SECRET, DIRECTORY + '/link'); loot()",
    "hard link": "os.link(SECRET, DIRECTORY + '/hard'); loot()",
    "rename": "os.rename(DIRECTORY + '/there', DIRECTORY + '/moved'); loot()",
    "unlink": "os.unlink(DIRECTORY + '/there'); loot()",
    "truncate": "os.truncate(DIRECTORY + '/there', 0); loot()",
    "chmod": "os.chmod(DIRECTORY + '/there', 0o600); loot()",
    "chown": "os.chown(DIRECTORY + '/there', os.getuid(), -1); loot()",
    "utime": "os.utime(DIRECTORY + '/there', (0, 0)); loot()",
    "mkfifo": "os.mkfifo(DIRECTORY + '/fifo'); loot()",
    "xattr": "os.setxattr(DIRECTORY + '/there', 'user.x', b'1'); loot()",
    "memfd": "loot(os.memfd_create('x'))",
    "tmpfile": "import tempfile; loot(tempfile.TemporaryFile().fileno())",
    "shm": "loot(syscall(29, 0, 4096, 0o1600))",
    "message queue": "loot(syscall(68, 0, 0o1600))",
    "semaphore": "loot(syscall(64, 0, 1, 0o1600))",
    "mq_open": "loot(syscall(240, b'/x', 0o102, 0o600, 0))",
    "inotify": "loot(syscall(294, 0))",
    "fanotify": "loot(syscall(300, 0, 0))",
    "eventfd": "loot(os.eventfd(1))",
    "epoll": "loot(syscall(291, 0))",
    "userfaultfd": "loot(syscall(323, 0))",
    "timerfd": "loot(syscall(283, 0, 0))",
    "fork": "pid = os.fork()\nif pid == 0:\n    os._exit(0)\nloot(pid)",
    "vfork by number": "loot(syscall(57) or None)",
    "clone by number": "loot(syscall(56, 17, 0, 0, 0, 0) or None)",
    "clone3": "b = ctypes.create_string_buffer(struct.pack('11Q', 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)); loot(syscall(435, b, 88) or None)",
    "a thread": "import _thread; loot(_thread.start_new_thread(print, ()))",
    "exec": "os.execv('/bin/true', ['true'])",
    "execveat": "syscall(322, -100, b'/bin/true', 0, 0, 0); loot()",
    "spawn": "loot(os.posix_spawn('/bin/true', ['true'], {}))",
    "system": "loot(1 if os.system('true') == 0 else None)",
    "subprocess": "import subprocess; loot(subprocess.run(['true']).returncode + 1)",
    "load a library": "ctypes.CDLL('libcrypt.so.1'); loot()",
    "a signal to the parent": "os.kill(PARENT, signal.SIGUSR1); loot()",
    "is the parent there": "os.kill(PARENT, 0); loot()",
    "a signal to all": "os.kill(-1, signal.SIGUSR1); loot()",
    "a signal to the group": "os.killpg(os.getpgid(PARENT), signal.SIGUSR1); loot()",
    "tgkill": "loot(syscall(234, PARENT, PARENT, 10) + 1)",
    "rt_sigqueueinfo": "b = ctypes.create_string_buffer(128); loot(syscall(129, PARENT, 10, b) + 1)",
    "pidfd_send_signal": "loot(syscall(424, 3, 10, 0, 0) + 1)",
    "SIGIO by owner": "import fcntl\nfcntl.fcntl(2, fcntl.F_SETOWN, PARENT); fcntl.fcntl(2, fcntl.F_SETFL, os.O_ASYNC); loot()",
    "a lease": "import fcntl\nfcntl.fcntl(2, fcntl.F_SETLEASE, 0); loot()",
    "pipe size": "import fcntl\nfcntl.fcntl(2, 1031, 1 << 20); loot()",
    "outlive the parent": "libc.prctl(1, 0, 0, 0, 0) == 0 and loot()",
    "dumpable again": "libc.prctl(4, 1, 0, 0, 0) == 0 and loot()",
    "a new filter": "b = ctypes.create_string_buffer(16); loot(syscall(317, 1, 0, b) + 1)",
    "setuid root": "os.setuid(0); loot()",
    "setresuid": "os.setresuid(0, 0, 0); loot()",
    "setgroups": "os.setgroups([0]); loot()",
    "capset": "b = ctypes.create_string_buffer(struct.pack('Ii', 0x20080522, 0) + bytes(24)); loot(syscall(126, b, b) + 1)",
    "setsid": "loot(os.setsid())",
    "nice": "loot(os.nice(5))",
    "affinity": "os.sched_setaffinity(PARENT, {0}); loot()",
    "priority of the parent": "os.setpriority(os.PRIO_PROCESS, PARENT, 10); loot()",
    "more memory": "resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40)); loot()",
    "limits of the parent": "resource.prlimit(PARENT, resource.RLIMIT_NOFILE, (1, 1)); loot()",
    "executable memory": "mmap.mmap(-1, 4096, flags=0x22, prot=7); loot()",
    "executable by mprotect": "m = mmap.mmap(-1, 4096, flags=0x22); a = ctypes.addressof(ctypes.c_char.from_buffer(m)); libc.mprotect(ctypes.c_void_p(a & ~4095), 4096, 7) == 0 and loot()",
    "pkey_mprotect": "loot(syscall(329, 0, 4096, 7, -1) + 1)",
    "read implies exec": "loot(syscall(135, 0x0400000) + 1)",
    "unshare": "loot(syscall(272, 0x10000000) + 1)",
    "setns": "loot(syscall(308, 0, 0) + 1)",
    "mount": "loot(syscall(165, b'none', b'/', b'tmpfs', 0, 0) + 1)",
    "chroot": "os.chroot('/'); loot()",
    "pivot_root": "loot(syscall(155, b'/', b'/') + 1)",
    "bpf": "b = ctypes.create_string_buffer(128); loot(syscall(321, 0, b, 128) + 1)",
    "keyctl": "loot(syscall(250, 0, -3, 1))",
    "add_key": "loot(syscall(248, b'user', b'x', b'y', 1, -3))",
    "reboot": "loot(syscall(169, 0xfee1dead, 672274793, 0, 0) + 1)",
    "init_module": "loot(syscall(175, b'', 0, b'') + 1)",
    "kexec": "loot(syscall(246, 0, 0, 0, 0) + 1)",
    "sethostname": "loot(syscall(170, b'x', 1) + 1)",
    "settimeofday": "loot(syscall(164, b'\\0' * 16, 0) + 1)",
    "swapon": "loot(syscall(167, b'/x', 0) + 1)",
    "iopl": "loot(syscall(172, 3) + 1)",
    "quotactl": "loot(syscall(179, 0, b'/', 0, 0) + 1)",
    "syslog": "b = ctypes.create_string_buffer(100); loot(syscall(103, 3, b, 100) + 1)",
    "uname": "loot(os.uname().nodename)",
    "sysinfo": "b = ctypes.create_string_buffer(200); loot(syscall(99, b) + 1)",
    "terminal input": "import fcntl\nfcntl.ioctl(2, 0x5412, b'x'); loot()",
    "terminal size": "import fcntl\nfcntl.ioctl(2, 0x5413, bytes(8)); loot()",
    "send a descriptor out": "import socket\ns = _socket.socket.__new__(_socket.socket)\nimport array\n[socket.socket(fileno=n).sendmsg([b'x']) for n in range(3, 20)]; loot()",
    "write to every descriptor": "n = 0\nfor d in range(3, 64):\n    try:\n        os.write(d, b'')\n        n += 1\n    except OSError:\n        pass\nloot(n if n > 2 else None)",
    "write into the input": "for d in range(3, 64):\n    try:\n        os.pwrite(d, b'X', 0)\n        loot(d)\n    except OSError:\n        pass",
    "map the input for writing": "for d in range(3, 64):\n    try:\n        m = mmap.mmap(d, 4096)\n        m[0] = 88\n        loot(d)\n    except (OSError, ValueError):\n        pass",
    "cut the input": "for d in range(3, 64):\n    try:\n        os.ftruncate(d, 0)\n        loot(d)\n    except OSError:\n        pass",
    "chmod the input": "for d in range(3, 64):\n    try:\n        os.fchmod(d, 0o777)\n        loot(d)\n    except OSError:\n        pass",
    "reopen the input": "for d in range(3, 64):\n    try:\n        os.open(f'/proc/self/fd/{d}', os.O_RDWR)\n        loot(d)\n    except OSError:\n        pass",
    "directory of a descriptor": "for d in range(0, 64):\n    try:\n        os.fchdir(d)\n        loot(d)\n    except OSError:\n        pass",
    **CALLS,
}
"""Numbers of system calls are those of x86_64; on another machine they ask for other calls, which must fail as well."""
