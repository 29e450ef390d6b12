"""What a new shop sells, and who bought there before."""

# fmt: off
CATEGORIES = [("kitchen", "Kitchen"), ("desk", "Desk"), ("garden", "Garden"), ("travel", "Travel")]

# slug, name, category, price in cents, stock, picture, description
PRODUCTS = [
    ("moka-pot", "Moka pot", "kitchen", 3490, 40, "☕",
     "Six cups of strong coffee from the stove, in polished aluminium."),
    ("bread-knife", "Bread knife", "kitchen", 2750, 25, "🔪",
     "A serrated blade of 22 cm that also forgives tomatoes."),
    ("salt-cellar", "Salt cellar", "kitchen", 1890, 60, "🧂",
     "Acacia wood with a lid that swings aside for two fingers."),
    ("tea-tin", "Tea tin", "kitchen", 1290, 80, "🍵",
     "Keeps 200 g of loose leaves dry and dark."),
    ("cast-iron-pan", "Cast-iron pan", "kitchen", 5900, 15, "🍳",
     "28 cm, ready seasoned. Your grandchildren will fry eggs in it."),
    ("desk-lamp", "Desk lamp", "desk", 7900, 20, "💡",
     "Warm light, two joints, no app."),
    ("notebook", "Notebook", "desk", 1450, 200, "📓",
     "192 dotted pages that take a fountain pen without complaint."),
    ("fountain-pen", "Fountain pen", "desk", 4200, 35, "🖋️",
     "A steel nib, medium, with a piston that holds ink for a month."),
    ("paper-clips", "Paper clips", "desk", 490, 500, "📎",
     "One hundred of them, in brass, in a box that closes."),
    ("world-clock", "World clock", "desk", 6400, 12, "🕰️",
     "Five cities, five hands, one quiet movement."),
    ("pruning-shears", "Pruning shears", "garden", 3950, 30, "✂️",
     "Forged blades that can be taken apart and sharpened."),
    ("watering-can", "Watering can", "garden", 2890, 28, "🚿",
     "Eight litres, a long spout and a rose that rains softly."),
    ("bird-house", "Bird house", "garden", 2450, 22, "🐦",
     "Larch, with a hole of 32 mm: great tits move in by March."),
    ("tomato-seeds", "Tomato seeds", "garden", 350, 300, "🍅",
     "Four old varieties, twenty seeds of each."),
    ("garden-gloves", "Garden gloves", "garden", 1590, 70, "🧤",
     "Goatskin palms against roses, cotton backs against July."),
    ("weekend-bag", "Weekend bag", "travel", 12900, 10, "👜",
     "Waxed canvas, fits under the seat in front of you."),
    ("rain-jacket", "Rain jacket", "travel", 14900, 18, "🧥",
     "Sealed seams, packs into its own pocket."),
    ("pocket-map", "Pocket map", "travel", 890, 150, "🗺️",
     "The city you are in, folded the way a map should be."),
    ("steel-bottle", "Steel bottle", "travel", 2390, 90, "🫙",
     "Half a litre, hot for twelve hours, cold for a day."),
    ("compass", "Compass", "travel", 3290, 33, "🧭",
     "Liquid filled, with a mirror. Works without a signal."),
]

CUSTOMERS = [
    ("Ada Martin", "Lyon"), ("Jonas Berg", "Oslo"), ("Mira Kovač", "Zagreb"), ("Tom Okafor", "Leeds"),
    ("Lena Fischer", "Bremen"), ("Pablo Ruiz", "Sevilla"), ("Ines Duarte", "Porto"), ("Ewa Nowak", "Gdynia"),
    ("Aino Laine", "Turku"), ("Marco Conti", "Trieste"),
]
# fmt: on
