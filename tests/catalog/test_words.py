"""What products are found by: the same cut for the writer and the searcher."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from persistence.catalog.words import letters_of, query_words, search_words, sort_key_zh, words_of


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("牛奶", "牛奶"),
        ("鮮牛奶", "(鲜牛奶 | (鲜 & 牛奶))"),
        ("鲜牛奶", "(鲜牛奶 | (鲜 & 牛奶))"),
        ("milk", "milk"),
        ("Milk  MILK", "milk"),
        ("維他奶 330mL", "维 & 他 & 奶 & 330 & ml"),
        ("Kellogg's", "kelloggs"),
        ("Kellogg’s corn flakes", "kelloggs & corn & flakes"),
        ("1.5L", "1.5 & l"),
        ("ＭＩＬＫ　牛奶", "milk & 牛奶"),
        ("a:* & !b | (c) <-> 'd' \\", "a & b & c & d"),
        ("  ", ""),
        ("、。!?", ""),
        ("", ""),
    ],
)
def test_a_search_text_becomes_a_query(text: str, query: str) -> None:
    assert query_words(text) == query


@pytest.mark.parametrize(
    ("name", "asked", "found"),
    [
        ("十字牌純鮮牛奶 946毫升", "牛奶", True),
        ("十字牌純鮮牛奶 946毫升", "鮮牛奶", True),
        ("全脂新鮮牛奶", "鲜牛奶", True),
        ("新鮮全脂牛奶", "鮮牛奶", True),
        ("牛油", "牛奶", False),
        ("可口可樂", "可乐", True),
        ("維他奶原味", "维他奶", True),
        ("維他檸檬茶", "维他奶", False),
        ("Fresh Milk 1L", "milk", True),
        ("Milkshake", "milk", False),
        ("七喜 7 Up 330mL x 8", "7up 330 ml", True),
        ("七喜 7 Up 330mL x 8", "七喜 500ml", False),
        ("M&M's Peanut", "m&m's", True),
    ],
)
def test_a_name_holds_the_words_of_what_is_asked(name: str, asked: str, found: bool) -> None:
    words = set(words_of([name]).split())
    truth = re.sub(r"[^ &|()]+", lambda word: str(word[0] in words), query_words(asked))
    assert eval(truth) == found  # noqa: S307 - made of True, False, & and |


def test_any_part_of_a_name_is_found_however_it_is_cut() -> None:
    name = "佳之選高鈣低脂鮮牛奶飲品巧克力味"
    words = set(words_of([name]).split())
    for start in range(len(name)):
        for end in range(start + 1, len(name) + 1):
            asked = set(re.findall(r"[^ &|()]+", query_words(name[start:end])))
            assert asked <= words, name[start:end]


def test_a_product_has_words_letters_and_keys() -> None:
    found = search_words(
        names={"en": "Fresh Milk 1L", "zh-HK": "鮮牛奶 1公升", "zh-CN": "鲜牛奶 1公升"},
        brands=["Kowloon Dairy", "維記", "维记"],
        categories=["Dairy", "奶类"],
        descriptions=[],
    )
    assert found.name == "fresh milk 1 l 鲜 鲜牛奶 牛 牛奶 奶 公 公升 升"
    assert found.brand == "kowloon dairy 维 记"
    assert found.category == "dairy 奶 奶类 类"
    assert found.description == ""
    assert found.letters == "fresh milk 1l 鲜牛奶 1公升 kowloon dairy 维记"
    assert found.sort_en == "fresh milk 1l"
    assert found.sort_zh == "xian1 niu2 nai3 1 gong1 sheng1"


def test_sort_keys_fall_back_to_another_language() -> None:
    only_chinese = search_words(names={"zh-CN": "牛奶"})
    assert (only_chinese.sort_en, only_chinese.sort_zh) == ("牛奶", "niu2 nai3")
    only_english = search_words(names={"en": "Milk"})
    assert (only_english.sort_en, only_english.sort_zh) == ("milk", "milk")


def test_chinese_names_order_by_pinyin() -> None:
    names = ["糖", "Apple", "牛奶", "绿茶", "白米", "八宝粥", "尼龙", "7喜", "女装", "妈", "马"]
    assert sorted(names, key=sort_key_zh) == [
        "7喜", "Apple", "八宝粥", "白米", "绿茶", "妈", "马", "尼龙", "牛奶", "女装", "糖",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "letters"),
    [("  Ｆresh   MILK ", "fresh milk"), ("鮮牛奶", "鲜牛奶"), ("Straße", "strasse"), ("", "")],
)
def test_letters_are_folded_for_trigrams(text: str, letters: str) -> None:
    assert letters_of(text) == letters


def test_dictionaries_are_not_loaded_before_they_are_needed() -> None:
    code = (
        "import sys, persistence.catalog.words as words; words.query_words('milk 330ml');"
        "print([m for m in ('opencc', 'rjieba', 'pypinyin') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
