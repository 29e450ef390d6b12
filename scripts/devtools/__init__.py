"""Shared by scripts/demo, bench/ and tests/e2e: start a fettle, look at its processes, talk to it.

Standard library only, but for shop_checks (httpx).
"""
