"""Questions in plain English about public packages, each with the files that a reader of the package would be sent to.

`TUNED` was looked at while the offline model was made. `UNSEEN` was written down before its first line and is only
measured. A question is met when one of its files is among the first three sources of the answer.
"""

from __future__ import annotations

Questions = tuple[tuple[str, tuple[str, ...]], ...]

VERSIONS = [
    "requests==2.32.3",
    "click==8.1.7",
    "jinja2==3.1.4",
    "httpx==0.27.2",
    "rich==13.9.4",
    "aiohttp==3.10.11",
    "flask==3.0.3",
    "networkx==3.3",
    "pytest==8.3.3",
]

TUNED: dict[str, Questions] = {
    "requests": (
        ("where are redirects followed", ("sessions.py",)),
        ("how are timeouts configured", ("adapters.py",)),
        ("where is auth handled", ("auth.py",)),
        ("how are cookies stored and merged", ("cookies.py", "sessions.py")),
        ("where are proxies taken from the environment", ("utils.py", "sessions.py")),
        ("how is the encoding of a response body guessed", ("models.py", "utils.py")),
        ("where is the TLS certificate verified", ("adapters.py",)),
        ("which exceptions can be raised", ("exceptions.py",)),
        ("how are connections pooled", ("adapters.py",)),
        ("where are multipart files encoded", ("models.py",)),
    ),
    "click": (
        ("where are command line arguments parsed", ("parser.py",)),
        ("how is shell completion done for bash", ("shell_completion.py",)),
        ("where is the help text formatted and wrapped", ("formatting.py", "_textwrap.py")),
        ("how does the password prompt hide input", ("termui.py", "_termui_impl.py")),
        ("where are progress bars drawn", ("_termui_impl.py",)),
        ("how are parameter types converted", ("types.py",)),
        ("what happens when a command fails with an error", ("exceptions.py", "core.py")),
        ("how can commands be tested", ("testing.py",)),
        ("how is the pager chosen", ("_termui_impl.py",)),
        ("where are environment variables read for options", ("core.py",)),
    ),
    "jinja2": (
        ("where are templates loaded from disk", ("loaders.py",)),
        ("how is source split into tokens", ("lexer.py",)),
        ("how does the sandbox block unsafe attributes", ("sandbox.py",)),
        ("where is bytecode cached", ("bccache.py",)),
        ("which filters are built in", ("filters.py", "defaults.py")),
        ("how are macros called", ("runtime.py",)),
        ("where is autoescaping decided", ("environment.py", "utils.py", "nodes.py")),
        ("how are constant expressions folded", ("optimizer.py",)),
        ("where are undefined variables handled", ("runtime.py",)),
        ("how is python code generated for a for loop", ("compiler.py",)),
    ),
    "httpx": (
        ("where are redirects followed", ("_client.py",)),
        ("how are timeouts configured", ("_config.py",)),
        ("how does digest authentication work", ("_auth.py",)),
        ("where is the response body decompressed", ("_decoders.py",)),
        ("how are requests sent to a WSGI app", ("wsgi.py",)),
        ("where are URLs parsed and percent encoded", ("_urlparse.py",)),
        ("how is the ssl context created", ("_config.py",)),
        ("where are connection pool limits set", ("_config.py", "default.py")),
        ("what does the command line client print", ("_main.py",)),
        ("where are proxies read from the environment", ("_utils.py", "_client.py")),
    ),
    "rich": (
        ("how is the width of wide characters measured", ("cells.py", "_cell_widths.py")),
        ("where is markdown rendered", ("markdown.py",)),
        ("how does the live display refresh", ("live.py", "live_render.py")),
        ("how are console markup tags parsed", ("markup.py",)),
        ("where is the terminal size detected", ("console.py",)),
        ("how are tracebacks drawn with local variables", ("traceback.py",)),
        ("how are table columns sized", ("table.py",)),
        ("where is colour support of the terminal decided", ("console.py", "color.py")),
        ("how is progress speed estimated", ("progress.py",)),
        ("how is output exported to SVG", ("console.py", "_export_format.py")),
    ),
}

UNSEEN: dict[str, Questions] = {
    "aiohttp": (
        ("where are redirects followed", ("client.py",)),
        ("how are timeouts configured", ("client.py", "helpers.py")),
        ("how are DNS names resolved", ("resolver.py", "connector.py")),
        ("where are cookies stored between requests", ("cookiejar.py",)),
        ("how are routes matched to handlers", ("web_urldispatcher.py",)),
        ("how is a websocket ping answered on the server", ("web_ws.py",)),
        ("where are multipart uploads parsed", ("multipart.py",)),
        ("how is the connection pool limited per host", ("connector.py",)),
        ("where is basic auth encoded", ("helpers.py",)),
        ("how are static files sent with range requests", ("web_fileresponse.py",)),
        ("how does the server shut down gracefully", ("web_runner.py", "web.py", "web_server.py", "web_protocol.py")),
        ("what is written to the access log", ("web_log.py",)),
    ),
    "flask": (
        ("how are sessions signed and stored in cookies", ("sessions.py",)),
        ("where is the configuration loaded from a file", ("config.py",)),
        ("how are blueprints registered", ("blueprints.py",)),
        ("how does the flask run command find the application", ("cli.py",)),
        ("where are exceptions turned into responses", ("app.py",)),
        ("how are templates rendered", ("templating.py",)),
        ("how is the request context pushed and popped", ("ctx.py",)),
        ("where are flashed messages kept", ("helpers.py",)),
        ("how is JSON serialized", ("provider.py", "json/__init__.py")),
        ("how can I send a request in tests", ("testing.py",)),
    ),
    "networkx": (
        ("how is the shortest path computed with dijkstra", ("weighted.py",)),
        ("where is pagerank implemented", ("pagerank_alg.py",)),
        ("how are graphs written to GraphML", ("graphml.py",)),
        ("how is a minimum spanning tree found", ("mst.py",)),
        ("where are nodes drawn with matplotlib", ("nx_pylab.py",)),
        ("how is graph isomorphism tested", ("isomorphvf2.py", "isomorph.py", "vf2pp.py")),
        ("how are communities detected with louvain", ("louvain.py",)),
        ("where are edges added to a graph", ("graph.py", "multigraph.py", "digraph.py")),
        ("how is maximum flow calculated", ("maxflow.py", "preflowpush.py", "edmondskarp.py", "boykovkolmogorov.py")),
        ("how are random graphs generated", ("random_graphs.py",)),
        ("how is a pandas dataframe converted to a graph", ("convert_matrix.py",)),
        ("how are backends dispatched", ("backends.py",)),
    ),
    "_pytest": (
        ("how are fixtures set up and torn down", ("fixtures.py",)),
        ("where are assertions rewritten", ("rewrite.py",)),
        ("how is stdout captured during a test", ("capture.py",)),
        ("where are test functions collected from a module", ("python.py",)),
        ("how does the last failed option work", ("cacheprovider.py",)),
        ("how are temporary directories created and cleaned up", ("tmpdir.py", "pathlib.py")),
        ("where is the junit xml report written", ("junitxml.py",)),
        ("how are command line options and ini files parsed", ("argparsing.py", "findpaths.py", "config/__init__.py")),
        ("how are environment variables patched in a test", ("monkeypatch.py",)),
        ("where are tests skipped or expected to fail", ("skipping.py",)),
    ),
}
