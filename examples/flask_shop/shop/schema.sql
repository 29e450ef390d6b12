CREATE TABLE category (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE product (
    id          INTEGER PRIMARY KEY,
    slug        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    category    TEXT NOT NULL REFERENCES category (slug),
    price_cents INTEGER NOT NULL CHECK (price_cents > 0),
    stock       INTEGER NOT NULL CHECK (stock >= 0),
    picture     TEXT NOT NULL,
    description TEXT NOT NULL
);

CREATE TABLE customer_order (
    number    INTEGER PRIMARY KEY,
    placed_at TEXT NOT NULL,
    name      TEXT NOT NULL,
    email     TEXT NOT NULL,
    address   TEXT NOT NULL
);

CREATE TABLE order_line (
    customer_order INTEGER NOT NULL REFERENCES customer_order (number),
    product        INTEGER NOT NULL REFERENCES product (id),
    quantity       INTEGER NOT NULL CHECK (quantity > 0),
    price_cents    INTEGER NOT NULL,
    PRIMARY KEY (customer_order, product)
) WITHOUT ROWID;

CREATE INDEX order_line_product ON order_line (product);

CREATE TABLE photo (
    id          TEXT PRIMARY KEY,
    product     INTEGER REFERENCES product (id),
    file_name   TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    uploaded_at TEXT NOT NULL
)
