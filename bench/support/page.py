"""The result as one self-contained HTML page: bars as inline SVG, no scripts, nothing fetched."""

from html import escape

from . import table
from .goals import is_fettle

BAR, NAMES, WIDTH = 18, 118, 400  # pixels: height of a line, room for names, width of a panel

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 1260px; padding: 0 1em; color: #222; }
h1 { font-size: 24px; } h2 { font-size: 18px; margin-top: 2em; } h3 { font-size: 13px; margin: 0 0 4px; }
.panels { display: flex; flex-wrap: wrap; gap: 16px; }
figure { margin: 0; padding: 10px; border: 1px solid #ddd; border-radius: 6px; }
svg text { font: 11px system-ui, sans-serif; fill: #222; }
table { border-collapse: collapse; font-size: 12px; } td, th { padding: 2px 8px; border-bottom: 1px solid #e5e5e5; }
td { text-align: right; white-space: nowrap; } td:nth-child(-n+2), td:last-child, th { text-align: left; }
.scroll { overflow-x: auto; }
"""


def report(result):
    sections = [
        section("Goals", as_table(*table.goals(result["goals"]))),
        section("Requests per second", panels(result["rows"], "per_second", 0), "More is better. ● wrk was the limit."),
        section("CPU microseconds per request", panels(result["rows"], "cpu_us", 1), "Less is better; the whole tree."),
        section("Latency at a constant rate", latency_panels(result["latency"])),
        section("Memory", memory_panels(result), "PSS of the whole process tree, MB."),
        section("Everything", as_table(*table.throughput(result["rows"]))),
    ]
    how = (
        f"Median of {result['rounds']} rounds of {result['seconds']} s in which the servers take turns; servers on "
        f"CPU 0, load on CPU 1, one worker each. Linux {result['kernel']}, {result['cpus']} CPUs; "
        + ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    )
    title = "fettle next to the field"
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.NOTES)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{STYLE}</style>\n'
        f"<h1>{title}</h1>\n<p>{escape(how)}</p>\n<ul>{notes}</ul>\n{''.join(sections)}</html>\n"
    )


def section(title, content, note=""):
    return f"<h2>{escape(title)}</h2>\n<p>{escape(note)}</p>\n{content}\n" if content else ""


def panels(rows, key, digits):
    """One panel per workload."""
    made = []
    for workload in dict.fromkeys(row["workload"] for row in rows):
        bars = [
            (row["server"], row[key], table.number(row[key], digits) + (" ●" if row["wrk_was_the_limit"] else ""))
            for row in rows
            if row["workload"] == workload
        ]
        made.append(panel(workload, bars))
    return in_flow(made)


def latency_panels(rows):
    if not rows:
        return ""
    names = {"p50_ms": "p50", "p99_ms": "p99", "p999_ms": "p99.9", "max_ms": "max"}
    return in_flow(
        panel(f"{name} ms at {rows[0]['rate']} req/s", [(row["server"], row[key], f"{row[key]:.3f}") for row in rows])
        for key, name in names.items()
    )


def memory_panels(result):
    return in_flow(
        panel(title, [(row["server"], row["pss_bytes"], f"{row['pss_bytes'] / 1e6:.1f}") for row in result[key]])
        for key, title in table.MEMORY_TITLES.items()
        if result[key]
    )


def in_flow(figures):
    joined = "\n".join(figures)
    return f'<div class="panels">\n{joined}\n</div>' if joined else ""


def panel(title, bars):
    """Horizontal bars from zero; `bars`: [(name, value, label)]."""
    scale = (WIDTH - NAMES - 70) / (max(value for _, value, _ in bars) or 1)
    lines = []
    for index, (name, value, label) in enumerate(bars):
        top, length = index * BAR, max(1.0, value * scale)
        colour = "#d9541e" if is_fettle(name) else "#aaa" if name == "floor" else "#4a78b5"
        lines.append(
            f'<text x="{NAMES - 6}" y="{top + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{NAMES}" y="{top + 3}" width="{length:.1f}" height="{BAR - 6}" fill="{colour}"/>'
            f'<text x="{NAMES + length + 5:.1f}" y="{top + 13}">{escape(label)}</text>'
        )
    drawing = f'<svg width="{WIDTH}" height="{BAR * len(bars)}" role="img">{"".join(lines)}</svg>'
    return f"<figure><h3>{escape(title)}</h3>{drawing}</figure>"


def as_table(header, lines):
    if not lines:
        return ""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in line) + "</tr>" for line in lines)
    return f'<div class="scroll"><table><tr>{head}</tr>\n{body}</table></div>'
