"""How the pages look: on a desktop, on a phone, on paper."""

STYLE = """
:root{--ink:#1F2328;--muted:#57606A;--rule:#D5DAE0;--soft:#F4F6F8;--accent:#0F4C75}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
color:var(--ink);background:#fff;margin:0 auto;padding:2rem 1.25rem 4rem;max-width:72rem;
overflow-wrap:anywhere}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.35rem;line-height:1.3;margin:2.6rem 0 .7rem;padding-top:1rem;
border-top:1px solid var(--rule)}
h3{font-size:1.1rem;line-height:1.3;margin:1.4rem 0 .4rem}
h4{font-size:.9rem;margin:.9rem 0 .15rem;color:var(--muted);font-weight:600}
p,ul{margin:0 0 .7rem;max-width:48rem}
ul{padding-left:1.2rem}
a{color:#0B5394}
.sub,.note,figcaption,.foot{color:var(--muted);font-size:.9rem}
.verdict{font-size:1.2rem;line-height:1.45;max-width:none;border-left:.35rem solid var(--accent);
padding:.3rem 0 .3rem 1rem;margin:1rem 0 1.2rem;white-space:pre-line}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);
white-space:nowrap}
.skip:focus{position:static;width:auto;height:auto;clip-path:none}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;padding:0;margin:1rem 0;
max-width:none;font-size:.95rem}
dl{margin:0}
dt{font-size:.85rem;color:var(--muted)}
dd{margin:0;font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.6rem}
.tiles div{background:var(--soft);border-radius:.4rem;padding:.6rem .8rem}
.pairs div{display:grid;grid-template-columns:13rem 1fr;gap:.2rem 1rem;padding:.35rem 0;
border-bottom:1px solid var(--rule)}
.pairs dd{font-weight:400}
.strip{display:flex;height:2rem;margin:1.2rem 0 .4rem;gap:2px}
.strip span{display:flex;align-items:center;justify-content:center;overflow:hidden;min-width:3px;
font-size:.85rem;font-weight:700;flex-basis:0}
.badge{display:inline-flex;align-items:center;justify-content:center;min-width:1.7em;height:1.7em;
padding:0 .25em;font-size:.9rem;font-weight:700;line-height:1;flex:none}
.round{border-radius:1em}
.square{border-radius:.15em}
.triangle{clip-path:polygon(50% 0,100% 100%,0 100%);min-width:2.6em;height:2.3em;padding-top:.9em}
.diamond{clip-path:polygon(50% 0,100% 50%,50% 100%,0 50%);min-width:2.8em;height:2.8em}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,29rem),1fr));gap:1rem}
.card{border:1px solid var(--rule);border-top:.4rem solid;border-radius:.4rem;min-width:0;
padding:.9rem 1.1rem 1.1rem}
.card header{display:flex;align-items:center;gap:.7rem}
.card h3{margin:0;min-width:0}
.card p,.card ul{margin-bottom:.4rem}
.size{font-weight:600;margin-top:.3rem}
.bar{height:.5rem;background:#E8ECEF;margin:.3rem 0 .7rem}
.bar span{display:block;height:100%;min-width:2px}
.do{background:var(--soft);border-radius:.4rem;padding:.1rem .8rem .5rem;margin:.7rem 0}
.do h4{margin-top:.5rem}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--accent)}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .7rem;border-bottom:1px solid var(--rule);text-align:left;
vertical-align:baseline;overflow-wrap:normal}
thead th{border-bottom:2px solid var(--ink);vertical-align:bottom}
tbody th{font-weight:600}
.n{text-align:right;white-space:nowrap}
th.n{white-space:normal}
.w{min-width:11rem;overflow-wrap:anywhere}
tbody th.w{min-width:14rem}
.card table{font-size:.82rem}
.card th,.card td{padding:.25rem .5rem}
.card .w,.card tbody th.w{min-width:7rem}
figure{margin:0 0 1rem}
figcaption{max-width:48rem;margin-bottom:.5rem}
img{max-width:100%;height:auto;display:block}
code{font-family:ui-monospace,Consolas,"DejaVu Sans Mono",monospace;font-size:.88em}
@media (max-width:44rem){
body{padding:1.2rem 1rem 3rem}
h1{font-size:1.5rem}
.verdict{font-size:1.08rem}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.pairs div{grid-template-columns:1fr}
/* Lettering in a picture as wide as a phone is too small: it scrolls inside its box instead. */
figure img{max-width:none;width:calc(var(--width)*.8)}
}
@page{size:A4;margin:14mm}
@page wide{size:A4 landscape;margin:12mm}
@media print{
html{font-size:9.5pt}
body{font-size:1rem;line-height:1.4;padding:0;max-width:none}
nav,.skip{display:none}
h2{margin-top:1.6rem;padding-top:.7rem}
h2,h3,h4,figcaption{break-after:avoid}
h2+p,h3+p{break-before:avoid}
p,li{orphans:3;widows:3;max-width:none}
.tiles{grid-template-columns:repeat(5,1fr)}
.halves{display:grid;grid-template-columns:1fr 1fr;gap:0 1.5rem}
.cards{display:block}
.card{margin-bottom:8pt}
.card,figure,tr,.tiles div,.pairs div,.strip,.picture{break-inside:avoid}
.wide{page:wide}
.scroll{overflow:visible}
figure img{max-width:100%;width:auto;max-height:200mm}
table,.card table{font-size:.82rem}
th,td,.card th,.card td{padding:.2rem .4rem}
.w,.card .w,.card tbody th.w{min-width:0}
tbody th.w{min-width:10rem}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
""".strip()
