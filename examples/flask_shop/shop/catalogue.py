"""Products: pages for people, JSON for programs."""

from flask import Blueprint, abort, jsonify, render_template, request

from .database import database

blueprint = Blueprint("catalogue", __name__)


def euros(cents):
    return f"€{cents / 100:,.2f}"


def product_by_slug(slug):
    row = database().execute("SELECT * FROM product WHERE slug = ?", (slug,)).fetchone()
    if row is None:
        abort(404, f"We do not sell “{slug}”.")
    return row


def find_products(category, words):
    return (
        database()
        .execute(
            "SELECT * FROM product WHERE (:category = '' OR category = :category)"
            " AND (name LIKE :pattern OR description LIKE :pattern) ORDER BY name",
            {"category": category, "pattern": f"%{words}%"},
        )
        .fetchall()
    )


@blueprint.get("/")
def home():
    bestsellers = (
        database()
        .execute(
            "SELECT product.*, SUM(quantity) AS sold FROM product JOIN order_line ON product = product.id"
            " GROUP BY product.id ORDER BY sold DESC, name LIMIT 6"
        )
        .fetchall()
    )
    return render_template("home.html", bestsellers=bestsellers)


@blueprint.get("/products")
def products():
    category, words = request.args.get("category", ""), request.args.get("q", "")
    categories = database().execute("SELECT * FROM category ORDER BY name").fetchall()
    return render_template(
        "products.html", products=find_products(category, words), categories=categories, category=category, words=words
    )


@blueprint.get("/products/<slug>")
def product(slug):
    row = product_by_slug(slug)
    photos = (
        database().execute("SELECT * FROM photo WHERE product = ? ORDER BY uploaded_at DESC", (row["id"],)).fetchall()
    )
    return render_template("product.html", product=row, photos=photos)


@blueprint.get("/products/<slug>/related")
def related(slug):
    """What others bought with it, by cosine similarity over all orders: computed in Python, it keeps a CPU busy."""
    chosen = product_by_slug(slug)
    effort = min(max(request.args.get("effort", 1, type=int), 1), 1000)  # repeats the work
    buyers = {}
    for line in database().execute("SELECT product, customer_order FROM order_line"):
        buyers.setdefault(line["product"], set()).add(line["customer_order"])
    for _ in range(effort):
        scores = {other: _similarity(buyers.get(chosen["id"], set()), orders) for other, orders in buyers.items()}
    scores.pop(chosen["id"], None)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:5]
    names = dict(database().execute("SELECT id, slug FROM product").fetchall())
    return jsonify(product=slug, related=[{"product": names[other], "score": round(score, 4)} for other, score in best])


def _similarity(these, those):
    both = sum(1 for order in these if order in those)
    return both / (len(these) * len(those)) ** 0.5 if both else 0.0


@blueprint.get("/api/products")
def api_products():
    rows = find_products(request.args.get("category", ""), request.args.get("q", ""))
    return jsonify(products=[dict(row) for row in rows])


@blueprint.get("/api/products/<slug>")
def api_product(slug):
    row = database().execute("SELECT * FROM product WHERE slug = ?", (slug,)).fetchone()
    if row is None:
        return jsonify(error=f"no product '{slug}'"), 404
    return jsonify(dict(row))
