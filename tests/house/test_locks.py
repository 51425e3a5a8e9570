"""The lock files: every package pinned, with hashes, and without an address to fetch it from."""

import re

import pytest

from tests.house.sources import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_address(name):
    lines = (ROOT / name).read_text().splitlines()
    wrong = [
        f"{name}:{number} {line}"
        for number, line in enumerate(lines, 1)
        if "://" in line or line.startswith("-") or " @ " in line
    ]
    assert not wrong, (
        "Where packages come from is a matter of the machine that installs them; an address here would stop "
        "everybody behind another index. Make the files anew with `make lock`:\n" + "\n".join(wrong)
    )


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_its_hashes(name):
    text = (ROOT / name).read_text().replace("\\\n", " ")
    wrong = [
        line.split(" ")[0]
        for line in text.splitlines()
        if line.strip() and not re.match(r"[a-z0-9._\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ]
    assert not wrong, (
        "Without version and hash two machines install two things. "
        "Make the files anew with `make lock`:\n" + "\n".join(wrong)
    )


def test_both_lock_files_agree():
    pinned = [
        dict(re.findall(r"^([a-z0-9._-]+)(?:\[\S+\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in LOCKS
    ]
    differ = {name for name, version in pinned[0].items() if pinned[1].get(name) != version}
    assert not differ, (
        "Tests would run on other versions than customers do. "
        f"Make the files anew with `make lock`: {', '.join(sorted(differ))}"
    )
