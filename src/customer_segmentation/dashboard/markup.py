"""What the pages write: text that stays text, and markup in the style of the report."""

from __future__ import annotations

import re

from customer_segmentation.page.html import Html, element, picture, scrolling
from customer_segmentation.page.stylesheet import STYLE

MEANINGFUL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
# The report's rules hold inside our own markup only; the rest is for the pages around it.
SCOPED = """
<style>
.seg{--ink:#1F2328;--muted:#57606A;--rule:#D5DAE0;--soft:#F4F6F8;--accent:#0F4C75;
color:var(--ink);overflow-wrap:anywhere;
%s
}
.seg .one .cards{grid-template-columns:1fr}
.seg .sizes{display:grid;grid-template-columns:auto 1fr auto;gap:.5rem .8rem;align-items:center;
max-width:40rem;margin:.8rem 0}
.seg .sizes b{text-align:right}
.seg .sizes i{font-style:normal;font-weight:400;color:var(--muted)}
.seg .diff{margin-bottom:.6rem}
.seg .diff>div{display:grid;grid-template:"what track n"/minmax(8rem,16rem) 1fr 14rem;
column-gap:.8rem;align-items:center;border-bottom:1px solid var(--rule)}
.seg .diff .what{grid-area:what;padding:.35rem 0}
.seg .diff .n{grid-area:n;white-space:normal}
.seg .diff .track{grid-area:track;position:relative;align-self:stretch;min-height:1.8rem}
.seg .diff .track::before{content:"";position:absolute;left:50%%;top:0;bottom:0;width:1px;
background:#8C959F}
.seg .diff .track span{position:absolute;top:calc(50%% - .4rem);height:.8rem}
.seg dd,.seg dl{margin:0;padding:0}
.seg .changes,.seg .why{list-style:none;padding:0;margin:0;max-width:none}
.seg .why li{margin:0;padding:.5rem 0;border-bottom:1px solid var(--rule)}
.seg .why p{margin:.2rem 0 0}
.seg .why .badge{margin-right:.25rem}
.seg .changes li{display:grid;grid-template-columns:auto 1fr;gap:0 .8rem;margin:0;
padding:.6rem 0;border-bottom:1px solid var(--rule)}
.seg .changes p{margin:0;max-width:none}
.seg figure img{margin:0}
.stMainBlockContainer{padding-top:2.2rem;max-width:76rem}
.stMainBlockContainer h1{font-size:1.9rem}
.stMainBlockContainer h2{font-size:1.45rem}
.stMainBlockContainer h3{font-size:1.15rem}
@media (max-width:44rem){
.stMainBlockContainer{padding:2rem 1rem 3rem}
.stMainBlockContainer h1{font-size:1.5rem}
.stMainBlockContainer h2{font-size:1.25rem}
.seg .pairs div{grid-template-columns:1fr 1fr}
.seg .w{min-width:7rem}
.seg .diff>div{grid-template:"what n" "track track"/1fr auto}
.seg .diff .n{text-align:right}
.seg .diff .what{padding-bottom:0}
}
</style>
"""


def style() -> str:
    """The style sheet of all pages, as an element.

    Examples
    --------
    >>> style().strip()[:7]
    '<style>'
    """
    return SCOPED % STYLE


def plain(text: object) -> str:
    r"""Escape text for where Markdown is understood: messages.

    A column called "Cost ($) of [it]" is then shown as it is; an address of a picture in a
    customer's data is not fetched.

    Examples
    --------
    >>> print(plain("Income ($) ![x](http://a)"))
    Income \(\$\) \!\[x\]\(http\://a\)
    """
    return MEANINGFUL.sub(r"\\\1", str(text))


def quiet(text: str) -> str:
    """Take from a label that only screen readers read what would make Markdown fetch a picture.

    Examples
    --------
    >>> quiet("Cost ($)"), quiet("![x](http://a)")
    ('Cost ($)', '[x](http://a)')
    """
    return text.replace("![", "[")


def block(*parts: object) -> str:
    """Put parts into a box in which the report's style holds; all but Html is escaped.

    Examples
    --------
    >>> block("a < b")
    '<div class="seg">a &lt; b</div>'
    """
    return element("div", *parts, class_="seg")


def figure(png: bytes, text: str) -> Html:
    """Show a picture with its text alternative; it scrolls sideways where it is too wide to read.

    Examples
    --------
    >>> 'alt="Sizes"' in figure(b"", "Sizes")
    True
    """
    return element("figure", scrolling(picture(png, text), text))
