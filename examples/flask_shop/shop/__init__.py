"""A small shop: Flask, SQLite and nothing else."""

import contextlib
import os
import secrets
from pathlib import Path

from flask import Flask, render_template

from . import cart, catalogue, database, lab, orders, photos


def create_app(data_folder=None):
    """The application. Its database, uploads and session key live in `data_folder`.

    Worker processes call this or inherit what it made: nothing that must not cross a fork (an open database) is kept.
    """
    folder = Path(data_folder or os.environ.get("SHOP_DATA") or Path(__file__).parent.parent / "data").resolve()
    folder.mkdir(parents=True, exist_ok=True)

    app = Flask(__name__)
    app.config.update(
        DATABASE=folder / "shop.sqlite3",
        PHOTOS=folder / "photos",
        SECRET_KEY=os.environ.get("SHOP_SECRET_KEY") or _kept_secret(folder / "session.key"),
        SESSION_COOKIE_NAME="shop",
        SESSION_COOKIE_SAMESITE="Lax",  # other sites cannot post to the cart or the checkout with the visitor's session
    )
    app.config["PHOTOS"].mkdir(exist_ok=True)
    database.prepare(app.config["DATABASE"])
    app.teardown_appcontext(database.close)

    for module in (catalogue, cart, orders, photos, lab):
        app.register_blueprint(module.blueprint)

    app.add_template_filter(catalogue.euros, "euros")
    app.context_processor(lambda: {"cart_size": cart.size()})

    @app.errorhandler(404)
    def not_found(error):
        return render_template("message.html", title="Not found", text=error.description), 404

    @app.errorhandler(413)
    def too_large(error):
        return render_template("message.html", title="Too large", text=error.description), 413

    return app


def _kept_secret(path):
    """A random key, the same for all processes and after a restart: the first process to link its file wins."""
    if not path.exists():
        candidate = path.with_name(f"{path.name}.{os.getpid()}")
        candidate.touch(mode=0o600)
        candidate.write_text(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            os.link(candidate, path)
        candidate.unlink()
    return path.read_text()
