"""The visitor's cart: a session cookie {slug: quantity}, so that any worker process can serve the next request."""

from flask import Blueprint, abort, redirect, render_template, request, session, url_for

from .catalogue import product_by_slug
from .database import database

blueprint = Blueprint("cart", __name__, url_prefix="/cart")

MOST_OF_ONE = 99


def contents():
    """[(product, quantity)] in the order they were added; what is no longer sold is left out."""
    wanted = session.get("cart", {})
    marks = ",".join("?" * len(wanted))
    rows = {
        row["slug"]: row for row in database().execute(f"SELECT * FROM product WHERE slug IN ({marks})", tuple(wanted))
    }
    return [(rows[slug], quantity) for slug, quantity in wanted.items() if slug in rows]


def total_cents(lines):
    return sum(product["price_cents"] * quantity for product, quantity in lines)


def size():
    return sum(session.get("cart", {}).values())


@blueprint.get("")
def show():
    lines = contents()
    return render_template("cart.html", lines=lines, total=total_cents(lines))


@blueprint.post("/items")
def change():
    """Adds `quantity` of `product`, or with `set` replaces the quantity; 0 removes it."""
    slug = product_by_slug(request.form.get("product", ""))["slug"]
    quantity = request.form.get("quantity", 1, type=int)
    if quantity is None or quantity < 0:
        abort(400, "The quantity must be a number that is not negative.")
    cart = dict(session.get("cart", {}))
    quantity += 0 if "set" in request.form else cart.get(slug, 0)
    cart[slug] = min(quantity, MOST_OF_ONE)
    session["cart"] = {name: count for name, count in cart.items() if count > 0}
    return redirect(url_for("cart.show"), code=303)
