"""A catalogue page: 24 products, a menu, a pager; no database, so that only Python is measured."""

from flask import Flask, render_template, request

page = Flask(__name__)

SECTIONS = ["Kitchen", "Garden", "Workshop", "Travel", "Paper", "Toys", "Lamps", "Books"]
PRODUCTS = [
    {
        "slug": f"product-{number}",
        "name": f"Good thing no. {number}",
        "cents": 990 + 137 * number,
        "stock": number % 7,
        "rating": 3 + number % 3,
        "tags": [SECTIONS[number % 8], SECTIONS[(number + 3) % 8]],
        "text": "Made to last, easy to repair, pleasant to use every day & sold without a subscription.",
    }
    for number in range(1, 25)
]


@page.template_filter("euros")
def euros(cents):
    return f"{cents // 100}.{cents % 100:02} €"


@page.get("/page")
def catalogue():
    number = request.args.get("number", 1, type=int)
    return render_template("catalogue.html", sections=SECTIONS, products=PRODUCTS, number=number)
