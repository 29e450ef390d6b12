"""What was counted during a run, per request, and call stacks as people read them. Pure."""

import re


def per_request(counts, requests):
    """`counts`: {"calls": {system call: number}, and if they were counted "bells", "instructions"} of one process. The
    kernel's total, if it is among the calls, is what is shared out; what has no name of its own there is "others"."""
    calls = dict(counts["calls"])
    total = calls.pop("sys_enter", None) or sum(calls.values())
    calls["others"] = total - sum(calls.values())
    by_name = {name: calls[name] / requests for name in sorted(calls, key=calls.get, reverse=True) if calls[name]}
    found = {"system_calls": total / requests, "system_calls_by_name": by_name, "doorbells": None, "instructions": None}
    if "bells" in counts:
        found["doorbells"] = counts["bells"].get("write", 0) / requests
    if "instructions" in counts:
        found["instructions"] = counts["instructions"].get("instructions:u", 0) / requests
    return found


def is_python(module):
    """Whether code of that file is the interpreter's own, static or shared."""
    return bool(re.match(r"(lib)?python3", module))


def own_frames(stack):
    """Where the library is entered, and the innermost frames of our own code that led there."""
    own = [frame for frame in stack if re.search(r"\b(balancer|worker|ipc|loop|base)/", frame)]
    if not own:
        return stack[:4]
    first = stack[: stack.index(own[0])][-1:]
    return [*first, *own[:3]]


def without_templates(frame):
    """A function's name without template arguments."""
    while (shorter := re.sub(r"<[^<>]*>", "", frame)) != frame:
        frame = shorter
    return frame
