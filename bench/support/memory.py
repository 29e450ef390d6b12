"""What four workers of a real application take: PSS of the whole tree, after the same requests."""

from . import accounting, load, servers
from .environment import REPOSITORY

SHOP = REPOSITORY / "examples/flask_shop"
WORKERS = 4
WARMING = ["/", "/products", "/products/moka-pot", "/api/products", "/cart", "/photos"]


def measure(folder, builds):
    """[{"server", "pss_bytes", "processes"}]: each build of fettle by default and with app.warmup (not judged),
    gunicorn, and gunicorn with --preload."""
    return [
        measured(make, folder / name)
        for name, make in {
            **{label: fettle(label, binary) for label, binary in builds.items()},
            **{f"warmup-{label}": fettle(f"warmup-{label}", binary, WARMING) for label, binary in builds.items()},
            "gunicorn": gunicorn("gunicorn"),
            "gunicorn-preload": gunicorn("gunicorn-preload", "--preload"),
        }.items()
    ]


def fettle(label, binary, warmup=()):
    config = {"concurrency": {"processes": WORKERS}, **({"app": {"warmup": list(warmup)}} if warmup else {})}
    return lambda folder: servers.Fettle(
        label, folder, binary, target="wsgi", chdir=SHOP, config=config, env=environment(folder)
    )


def gunicorn(name, *options):
    return lambda folder: servers.gunicorn(
        name, folder, "--workers", str(WORKERS), *options, target="wsgi", chdir=SHOP, env=environment(folder)
    )


def environment(folder):
    return {"SHOP_DATA": str(folder / "data")}


def measured(make, folder):
    server = make(folder)
    try:
        for path in WARMING:  # faster than any of them answers, so that all workers are busy
            result = load.run_pace(server.port, path, 2000, 16, 0.2)
            assert result["failed"] == 0, f"{server.name} {path}: {result}"
        return {
            "server": server.name,
            "pss_bytes": accounting.pss_bytes(server.pid),
            "processes": len(accounting.tree_pids(server.pid)),
        }
    finally:
        server.stop()
