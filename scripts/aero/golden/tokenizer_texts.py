"""Holds texts that test the difficult parts of Unicode."""

from __future__ import annotations

import random
from collections.abc import Iterator

EOS = "<|endoftext|>"


def scripts_and_marks() -> Iterator[tuple[str, str]]:
    """Yields named texts that test the difficult parts of Unicode."""
    yield "empty", ""
    yield "space", " "
    yield (
        "code",
        "def f(x):\n    return x ** 2  # two\n\n\n\tif  not self._a1B2:\r\n      pass \n",
    )
    yield "contractions", "I'm you're he'll WE'LL it's IT'S they'd 's'S'ſ'ſt 'K o'clock 'l 'll'"
    yield "eos", f"a{EOS}b {EOS} {EOS}{EOS}\n<|endoftext|"
    yield "numbers", "0 12 345 6789 1e-5 ٣٤٥ ४५६ Ⅷ ⅷ ½ ² ㉈ 𝟘𝟙 𑁦"
    yield "zero width", "a\u200bb a\u200cb a\u200db\ufeff c\u2060d \u180e e \u180e\u180e"
    yield "nul and controls", "a\x00b\x00\x00 \x01\x02\x1b[0m\x7f\x80\x9f\x85 \x1c\x1d\x1e\x1f x"
    yield "emoji", "👩‍👩‍👧‍👦 👨🏽‍💻 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☺︎ 🫨 🫩 1️⃣"
    yield "right to left", "שלום עולם! \u202eabc\u202c مرحبا بالعالم ۱۲۳ \u2067x\u2069"
    yield "combining", "e\u0301 a\u0308\u0304 Z\u0351\u036b\u0343\u0364 नमस्ते สวัสดี ก็ \u0301x ﬀ ŉ"
    yield "east asian", "日本語テキスト、한국어 텍스트。中文，全角　空格。ﾊﾝｶｸ"
    yield "case", "İstanbul ıI ß ẞ ǅ ǆ Ǆ ΑΣ ας Ꭰ ꭰ HTTPServer parseXML iPhone"
    yield "private and none", "\ue000\uf8ff\ufdd0\ufffe\uffff\U000f0000\U0010ffff\u0378\u0e5c"
    yield "replacement", "\ufffd \ufffd\ufffd a\ufffd"
    yield (
        "later unicode",
        "\u1c89\ua7cb \U000105c0\U0001123f a\U000116d0\U00011f50\U0001e4d0\U00031350",
    )
    yield "astral", "𝒜𝓁𝓅𝒽𝒶 𐐷𐑌 𠜎𠜱 \U0001f9ff\U0001fae8"
    spaces = "".join(map(chr, [9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]))
    spaces += "\u2028\u2029\u202f\u205f\u3000"
    yield "all white space", f"a{spaces}b{spaces}"
    yield "white space apart", "".join(f"x{c} {c}{c}y{c}" for c in spaces)
    yield "spaces before", "   x    y\t\tz  \n  w   "
    yield "spaces around markers", "a <left> b  <left>c <right>  d <right>\u3000e <both> <both>  f"
    yield (
        "words at markers",
        "<word> a<word> <word>b <word>, -<word>- \u0301<word> <word>\u200d",
    )
    yield "nested markers", "<normal>longer <normal> <normal>longerer <<normal>> éé日本é    x     "


def hostile_texts() -> list[tuple[str, str]]:
    """Lists all texts, the last ones random from a fixed seed."""
    texts = list(scripts_and_marks())
    rng = random.Random(20240)
    alphabet = [ord(c) for _, text in texts for c in text]
    for k in range(12):
        chars = [chr(rng.choice(alphabet)) for _ in range(60)]
        chars += [
            chr(c) for c in (rng.randrange(0x110000) for _ in range(20)) if not 0xD800 <= c < 0xE000
        ]
        rng.shuffle(chars)
        texts.append((f"random {k}", "".join(chars)))
    return texts


BROKEN = [
    b"\xff", b"a\x80b", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82x", b"\xed\xa0\x80", b"\xc0\x80",
    b"\xf0\x9f\x98", b"\xf0\x9f\x98 \xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf", b"\xe2\x82\xe2\x82\xac", b"ok \xfe\xff ok",
]  # fmt: skip
