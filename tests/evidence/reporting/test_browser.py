"""The page in a real browser: clicked, typed into, read as assistive technology reads it, loading nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence
from faultbox.model.verdict import Verdict

pytestmark = [pytest.mark.xdist_group("chromium")]

REPOSITORY = Path(__file__).parents[3]
MANY = 1_000_000
FAR = MANY // 2
ROWS = "[...document.querySelectorAll('.row:not(.head)')].map((row) => row.innerText.replaceAll('\\n', ' '))"
DETAIL = "document.querySelector('.detail').innerText"
EVIL = "</script><img src=x onerror=window.hacked=1>"


def opened(bundle: Path) -> Path:
    """The page of a bundle, beside it."""
    with evidence.open(bundle) as content:
        return evidence.report(content, bundle.with_suffix(".html")).path


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of examples/orders, really run: 4 scenarios and the 24 cells of its matrix."""
    bundle = tmp_path_factory.mktemp("orders") / "orders.fb"
    command = [sys.executable, "-m", "faultbox", "test", "examples/orders/faultbox.star", "--seed", "1"]
    done = subprocess.run(
        [*command, "--show", "fail", "--output", str(bundle)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert " errored" not in done.stdout, done.stdout
    return opened(bundle)


@pytest.fixture
def page_of(spools: ModuleType, tmp_path: Path) -> Any:
    """The page of a run with one red cell that has these events, one of which decided it."""

    def made(events: list[dict[str, Any]], deciding: dict[str, Any], **how: Any) -> Path:
        cell = spools.cell("order", "full")
        shown = {**deciding, "ms": deciding["time_ns"] / 1e6}
        result = spools.result(cell, Verdict.FAILED, reason="broke", deciding=(shown,), **how)
        run_dir = spools.write(tmp_path / "run", [cell], [result], events={cell.id: events})
        return opened(evidence.pack(run_dir, tmp_path / "made.fb"))

    return made


@pytest.mark.root
@pytest.mark.slow
def test_from_the_matrix_to_the_event_that_decided(orders: Path, browser: Any) -> None:
    browser.open(orders)
    assert browser.run("document.querySelectorAll('.matrix tbody a').length") == 24
    assert browser.run("document.querySelectorAll('.matrix .absent').length") == 4
    assert browser.run("[...document.querySelectorAll('.matrix td.bad a')].map((link) => link.ariaLabel)") == [
        "place_order under cache_down: failed",
        "place_order under wal_sync_fails: failed",
        "list_orders under cache_down: failed",
        "rush under cache_down: failed",
    ]
    browser.click("[aria-label='place_order under wal_sync_fails: failed']")
    browser.until("document.querySelector('.detail .tag')")
    assert browser.run("document.querySelector('h1').innerText").startswith("place_order × wal_sync_fails")
    assert "an order that is not on disk must not be confirmed" in browser.run(
        "document.querySelector('.reason').innerText"
    )
    assert browser.run("document.querySelector('.line.here mark').innerText").startswith("assert_eq(answer.status, 503")
    detail = browser.run(DETAIL)
    for text in ("inventory fsync", "decided it, first", "deny(EIO)", "/tmp/inventory/wal.log", "UTC", "fsync failed"):
        assert text in detail
    rules = browser.run("document.querySelector('.rules').innerText")
    assert "inventory: fsync=deny(EIO, path='/tmp/inventory/wal.log')" in rules
    assert browser.run("document.querySelector('.command code').innerText") == (
        "faultbox replay orders.fb --test matrix_place_order_wal_sync_fails"
    )
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith("file://")] == []
    assert len(browser.requests) == 1


@pytest.mark.root
@pytest.mark.slow
def test_keys_alone(orders: Path, browser: Any) -> None:
    browser.open(orders)
    browser.run("document.querySelector('.matrix td.bad a').focus()")
    browser.press("ArrowDown")
    browser.until("document.activeElement.ariaLabel === 'list_orders under cache_down: failed'")
    browser.press("ArrowUp")
    browser.run("document.activeElement.click()")
    browser.until("document.querySelector('.detail .tag')")
    first = browser.run(DETAIL)
    browser.press("n")
    browser.until(f"{DETAIL} !== {json.dumps(first)} && {DETAIL}.includes('decided it')")
    browser.press("/")
    browser.type("type=step_recv")
    browser.until("document.querySelector('output').innerText.startsWith('1 of ')")
    browser.until(f"{ROWS}.join().includes('api.public post 500')")
    browser.press("Escape")
    browser.until("document.querySelector('output').innerText.endsWith(' events')")
    browser.press("]")
    browser.until("document.querySelector('h1').innerText.includes('cache_slow')")
    browser.press("Escape")
    browser.until("document.querySelector('main').dataset.view === 'run'")
    browser.run("history.back()")
    browser.until("document.querySelector('h1').innerText.includes('cache_slow')")
    assert browser.errors == []


@pytest.mark.root
@pytest.mark.slow
def test_as_assistive_technology_reads_it(orders: Path, browser: Any) -> None:
    number = browser_number(orders, browser, "place_order", "cache_down")
    browser.open(orders, f"#case/{number}")
    browser.until("document.querySelector('.detail .tag')")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]}
    assert ("grid", "Events") in named
    assert ("searchbox", "Filter events") in named
    assert ("toolbar", "Timeline") in named
    unnamed = [role for role, name in named if role in {"button", "link", "grid", "img", "searchbox"} and not name]
    assert unnamed == []
    assert browser.run("document.querySelector('#said').innerText").startswith("Event ")


def browser_number(page: Path, browser: Any, row: str, column: str) -> str:
    """The number of a cell's case."""
    browser.open(page)
    link = f"[...document.querySelectorAll('.matrix a')].find((a) => a.ariaLabel.startsWith('{row} under {column}:'))"
    return str(browser.run(f"{link}.hash.split('/')[1]"))


@pytest.mark.parametrize(("dark", "width"), [(False, 1360), (True, 1360), (False, 390)])
def test_nothing_is_cut_off(page_of: Any, spools: ModuleType, browser: Any, *, dark: bool, width: int) -> None:
    page = page_of([spools.event(1, "allow"), spools.event(2, "deny(EIO)")], spools.event(2, "deny(EIO)"))
    for fragment in ("", "#case/0"):
        browser.open(page, fragment, width=width, dark=dark)
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    theme = browser.run("getComputedStyle(document.documentElement).colorScheme")
    assert theme == ("dark" if dark else "light")


def test_what_a_bundle_holds_is_only_text(page_of: Any, browser: Any) -> None:
    event = {"seq": 1, "time_ns": 5, "type": EVIL, "service": EVIL, "fields": {EVIL: EVIL, "raw": EVIL}}
    page = page_of([{**event, "data": {EVIL: [EVIL]}}], event, prints=(EVIL,), notes=(EVIL,))
    browser.open(page, "#case/0")
    browser.until("document.querySelector('.detail .tag')")
    assert EVIL in browser.run(DETAIL)
    assert browser.run("window.hacked === undefined && !document.querySelector('img')")
    assert browser.errors == []


def test_the_policy_stops_a_script_that_got_in(page_of: Any, spools: ModuleType, browser: Any) -> None:
    browser.open(page_of([spools.event(1, "allow")], spools.event(1, "allow")))
    browser.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hacked=1'}))"
    )
    assert browser.run("window.hacked === undefined")
    assert any("Content Security Policy" in each for each in browser.errors)


def test_dragging_zooms_and_a_click_chooses(page_of: Any, spools: ModuleType, browser: Any) -> None:
    events = [{**spools.event(seq, "deny(EIO)"), "time_ns": seq * 100_000} for seq in range(1, 1_001)]
    browser.open(page_of(events, events[0]), "#case/0")
    browser.until("document.querySelector('.detail .tag')")
    browser.run("document.querySelector('[aria-label^=\"Show the whole\"]').click()")
    browser.run("document.querySelector('canvas').scrollIntoView({ block: 'center' })")
    left, top, width = browser.run(
        "(({ x, y, width }) => [x, y, width])(document.querySelector('canvas').getBoundingClientRect())"
    )
    browser.drag((left + width * 0.5, top + 80), (left + width * 0.6, top + 80))
    browser.run("[...document.querySelectorAll('.chip')].find((chip) => chip.innerText.startsWith('only')).click()")
    browser.until("/^1?\\d\\d of 1,000/.test(document.querySelector('output').innerText)")
    lane = browser.run("[...document.querySelectorAll('.labels > div')].findIndex((each) => each.innerText === 'db')")
    label = f"document.querySelectorAll('.labels > div')[{lane}].getBoundingClientRect()"
    y = browser.run(f"(({{ y, height }}) => y + height / 2)({label})")
    browser.click_at(left + width / 2, y)
    browser.until(f"/#5\\d\\d of 1,000/.test({DETAIL})")


@pytest.mark.slow
def test_a_million_events(spools: ModuleType, tmp_path: Path, browser: Any) -> None:
    """Every one can be reached and found, while the document holds only those in view."""
    cell = spools.cell("order", "full")
    needle = {**spools.event(FAR, "deny(ENOSPC)"), "time_ns": FAR * 40_000}
    result = spools.result(cell, Verdict.FAILED, reason="broke", deciding=({**needle, "ms": 1.0},))
    few = evidence.pack(spools.write(tmp_path / "run", [cell], [result]), tmp_path / "few.fb")
    many = (line(seq) if seq != FAR else json.dumps(needle) + "\n" for seq in range(1, MANY + 1))
    browser.open(opened(with_events(few, many, tmp_path / "many.fb")), "#case/0")

    browser.until(f"{DETAIL}.includes('#{FAR} of 1,000,000')")
    assert "1,000,000 events" in browser.run("document.querySelector('output').innerText")
    assert browser.run("document.querySelector('.list').ariaRowCount") == str(MANY + 1)
    browser.run("document.querySelector('.rows').scrollTop = 1e9")
    browser.until(f"{ROWS}.at(-1).startsWith('{MANY} ')")
    browser.run("document.querySelector('.rows').scrollTop = 0")
    browser.until(f"{ROWS}[0].startsWith('1 ')")
    browser.run("document.querySelector('#search').focus()")
    browser.type(f"query={FAR + 8}")
    browser.until("document.querySelector('output').innerText.startsWith('1 of 1,000,000')")
    assert browser.run("document.querySelectorAll('*').length") < 1_500
    assert browser.errors == []


def with_events(bundle: Path, lines: Iterable[str], path: Path) -> Path:
    """A bundle whose one case has these events instead."""
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            if not name.endswith("/events.jsonl"):
                target.writestr(name, source.read(name))
        with target.open("cases/0001-matrix_order_full/events.jsonl", "w", force_zip64=True) as stream:
            stream.writelines(each.encode() for each in lines)
    return path


def line(seq: int) -> str:
    """One of many events, of several kinds."""
    start = f'{{"seq":{seq},"time_ns":{seq * 40_000}'
    if seq % 10 == 8:
        return (
            f'{start},"type":"proxy","service":"db","fields":{{"caller":"api","interface":"main","query":"{seq}"}}}}\n'
        )
    if seq % 10 > 5:
        return f'{start},"type":"stdout","service":"api","fields":{{"raw":"request {seq} served"}}}}\n'
    fields = '"syscall":"write","path":"/data/wal","decision":"allow"'
    return f'{start},"type":"syscall","service":"db","fields":{{{fields}}}}}\n'
