"""How an HTML report looks, on the screen and printed."""

from __future__ import annotations

from surgtwin.domain.verdict import Verdict

from .paper import INK, QUIET, RULE, TINT, VERDICT_INK, VERDICT_SWATCH, VERDICT_TINT

_VERDICTS = "".join(
    f".verdict.{v.value}, .callout.{v.value} strong {{ color: {VERDICT_INK[v]}; }}\n"
    f".callout.{v.value} {{ background: {VERDICT_TINT[v]}; border-left-color: {VERDICT_INK[v]}; }}\n"
    for v in Verdict
)
_DARK = "rgba(0, 0, 0, .5) 0, rgba(0, 0, 0, .5) 1.5px, transparent 1.5px, transparent 5px"
_SWATCHES = f"""
.swatch.safe {{ background-color: {VERDICT_SWATCH[Verdict.SAFE]}; }}
.swatch.unproven {{ background-color: {VERDICT_SWATCH[Verdict.UNPROVEN]};
  background-image: repeating-linear-gradient(45deg, {_DARK}); }}
.swatch.violated {{ background-color: {VERDICT_SWATCH[Verdict.VIOLATED]};
  background-image: repeating-linear-gradient(45deg, {_DARK}), repeating-linear-gradient(-45deg, {_DARK}); }}
"""
STYLE = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; color: {INK}; background: #fff; font: 14px/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }}
main {{ max-width: 62rem; margin: 0 auto; padding: 1rem 1.5rem 3rem; }}
header {{ position: sticky; top: 0; z-index: 1; background: #fff; }}
header div {{ display: flex; gap: 1rem; justify-content: space-between; padding: .5rem 1.5rem; color: {QUIET};
  border-bottom: 1px solid {RULE}; font-size: .85em; }}
header strong {{ color: {VERDICT_INK[Verdict.UNPROVEN]}; white-space: nowrap; }}
h1 {{ font-size: 1.7em; margin: 1rem 0 .5rem; }}
h2 {{ font-size: 1.2em; margin: 1.75rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid {RULE};
  break-after: avoid; }}
dl {{ display: grid; grid-template-columns: 12rem 1fr; gap: .15rem 1rem; margin: .5rem 0; }}
dt {{ color: {QUIET}; }}
dd {{ margin: 0; }}
table {{ width: 100%; border-collapse: collapse; margin: .5rem 0; table-layout: fixed; }}
th {{ text-align: left; font-weight: 600; color: {QUIET}; font-size: .85em; border-bottom: 1px solid {QUIET}; }}
th, td {{ padding: .3rem .4rem; vertical-align: top; }}
td {{ border-bottom: 1px solid {RULE}; }}
.number {{ text-align: right; }}
tr, figure, .callout, .key, svg {{ break-inside: avoid; }}
.verdict, .callout strong {{ font-weight: 700; }}
.callout {{ border-left: 6px solid; padding: .6rem .8rem; margin: .5rem 0; font-size: 1.12em; }}
{_VERDICTS}
p.normal {{ break-after: avoid; }}
.quiet {{ color: {QUIET}; font-size: .85em; }}
.warning {{ background: {TINT}; border-left: 6px solid {VERDICT_INK[Verdict.UNPROVEN]}; padding: .5rem .8rem; }}
.figures {{ display: grid; gap: .75rem; margin: .5rem 0; }}
.n2 {{ grid-template-columns: repeat(2, 1fr); }}
.n3 {{ grid-template-columns: repeat(3, 1fr); }}
figure {{ margin: 0; }}
img, svg {{ width: 100%; height: auto; display: block; }}
svg {{ max-width: 44rem; }}
figcaption {{ color: {QUIET}; font-size: .85em; margin-top: .2rem; }}
.key {{ list-style: none; margin: 0; padding: 0; }}
.swatch {{ display: inline-block; width: 1.6rem; height: .9rem; margin-right: .5rem; vertical-align: -1px; }}
{_SWATCHES}
.chip {{ display: inline-block; width: .75em; height: .75em; margin-right: .4em; border-radius: 2px;
  border: 1px solid rgba(0, 0, 0, .35); }}
.legend {{ list-style: none; margin: .25rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem;
  font-size: .85em; }}
@page {{ size: A4; margin: 12mm 14mm 16mm; @bottom-right {{ content: "page " counter(page) " of " counter(pages);
  font: 8px sans-serif; color: {QUIET}; }} }}
@media print {{
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  body {{ display: table; width: 100%; font-size: 10.5px; }}
  main {{ display: table-row-group; }}
  header {{ display: table-header-group; position: static; }}
  header div {{ padding: 0 0 1mm; margin-bottom: 3mm; }}
}}
"""
