const light = `
--bg:#fff;--panel:#f6f7f9;--ink:#16191d;--soft:#555d68;--rule:#d9dde3;--grid:#e3e6ea;
--accent:#0b5fa5;--heat:#084081;--mark:#16191d;--note-bg:#fff3d6;--note-ink:#5c3d00;--note-rule:#d99a00;
--c0:#0072b2;--c1:#bd4b00;--c2:#00805e;--c3:#a8407f;--c4:#8a6000;--c5:#4a4f57;--c6:#5b5fd6;--c7:#b3261e;
--on-faint:#000;--on-middle:#000;--on-full:#fff;color-scheme:light;`
const dark = `
--bg:#0f1318;--panel:#171c23;--ink:#e8ebef;--soft:#a3acb8;--rule:#313945;--grid:#262d37;
--accent:#3f9ae0;--heat:#79c0ff;--mark:#fff;--note-bg:#33270a;--note-ink:#ffdf95;--note-rule:#d99a00;
--c0:#56b4e9;--c1:#ff8f52;--c2:#35c99b;--c3:#e59cc6;--c4:#e6b83f;--c5:#c3c9d1;--c6:#9aa8ff;--c7:#ff8a80;
--on-faint:#fff;--on-middle:#000;--on-full:#000;color-scheme:dark;`

const dashes = ['none', '7 3', '2 3', '9 3 2 3', '12 3', '4 2', '1 2', '8 2 2 2 2 2']
const lines = dashes.map(
  (dash, n) =>
    `.c${n}{stroke:var(--c${n});${dash === 'none' ? '' : `stroke-dasharray:${dash};`}}.t${n}{fill:var(--c${n})}circle.c${n}{fill:var(--c${n});stroke:none}circle.c${n}.hollow{fill:var(--here);stroke:var(--c${n});stroke-width:1.25;stroke-dasharray:none}`,
)

/**
 * The page's style: system fonts, light and dark by the reader's setting (or `data-theme` on the root), phone and print.
 * Line colours go back to Okabe and Ito's palette, shifted until each has 4.5 to 1 contrast with its ground.
 */
export const styleSheet = `:root{${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{${dark}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{--here:var(--bg);margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:44px;padding-bottom:8px}
.kicker{margin:0 0 10px;color:var(--soft);font-size:14px}
.kicker b{color:var(--ink);font-weight:600}
h1{margin:0 0 14px;font-size:clamp(25px,4.4vw,38px);line-height:1.16;letter-spacing:-.018em;font-weight:680;max-width:26em;text-wrap:balance}
h2{margin:56px 0 6px;font-size:23px;line-height:1.25;letter-spacing:-.01em}
h3{margin:36px 0 4px;font-size:18px}
.lead{max-width:46em;margin:0 0 10px;color:var(--soft)}
.about{max-width:46em;margin:0 0 14px;color:var(--soft)}
.scroll+.about{margin-top:12px}
.notice{margin:20px 0 6px;padding:13px 16px;border:1px solid var(--note-rule);border-left-width:6px;border-radius:6px;background:var(--note-bg);color:var(--note-ink);max-width:52em}
.notice strong{display:block}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,318px),1fr));gap:16px;margin:14px 0}
figure{--here:var(--panel);margin:0;padding:14px 16px 10px;background:var(--panel);border-radius:10px;min-width:0;break-inside:avoid}
figure.wide{grid-column:1/-1}
.single{max-width:660px;margin:14px 0}
figcaption{margin-bottom:10px}
figcaption strong{display:block;font-weight:640}
figcaption span{display:block;color:var(--soft);font-size:14px;line-height:1.45}
svg{display:block;width:100%;height:auto;overflow:visible;font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;font-variant-numeric:tabular-nums}
svg.bars{overflow:visible;height:auto}
svg.pixels{max-width:300px;margin:0 auto}
text{fill:var(--ink)}
.tick{fill:var(--soft);font-size:11px}
.grid{stroke:var(--grid);stroke-width:1}
.band{fill:var(--ink);fill-opacity:.035}.band.around{fill:var(--c0);fill-opacity:.16}
.border{stroke:var(--soft);stroke-width:1;stroke-dasharray:1 3}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.leader{fill:none;stroke:var(--rule);stroke-width:1}
.label{font-size:11.5px;font-weight:600}
.value{fill:var(--ink);font-weight:400}
${lines.join('\n')}
.line.sure{stroke-dasharray:none}.line.guess{stroke-width:1.25;stroke-dasharray:3 3}.ring{fill:none;stroke:var(--mark);stroke-width:1.75}
.cell{fill:var(--heat);stroke:var(--rule);stroke-width:1}
.cell.now{stroke:var(--mark);stroke-width:1.75}
.on-faint{fill:var(--on-faint)}.on-middle{fill:var(--on-middle)}.on-full{fill:var(--on-full)}
.future{font-style:italic}
.name{font-size:14px;font-weight:600}
.number{font-size:14px}
.bar{fill:var(--accent)}
.bar.reference{fill:var(--accent);fill-opacity:.14;stroke:var(--accent);stroke-width:1.5}
.whisker{stroke:var(--mark);stroke-width:1.75}
.seed{fill:var(--mark);fill-opacity:.55}
.ink{fill:var(--heat)}
.frame{fill:var(--bg);stroke:var(--rule);stroke-width:.2}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:14px;min-width:min(100%,420px);line-height:1.4}
caption{text-align:left;color:var(--soft);font-size:13px;padding:2px 0 6px;position:sticky;left:0}
th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top;white-space:nowrap}
th:first-child{text-align:left;font-weight:600;position:sticky;left:0;background:var(--here)}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom;white-space:normal;min-width:5.2em}
.facts td,.facts th{text-align:left;white-space:normal;overflow-wrap:anywhere}
.facts tbody th{min-width:8em;overflow-wrap:normal}
details{margin-top:8px}
summary{cursor:pointer;color:var(--soft);font-size:13px}
summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
dl{margin:8px 0 0;font-size:14px;color:var(--soft);max-width:52em}
dt{color:var(--ink);font-weight:600;margin-top:6px}
dd{margin:0}
pre{margin:10px 0;padding:12px 14px;background:var(--panel);border-radius:8px;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
footer{padding-top:44px;padding-bottom:44px;color:var(--soft);font-size:14px}
.asked{margin:22px 0;break-inside:avoid}
.asked p{margin:0}
.prompt{font-weight:600;white-space:pre-wrap;overflow-wrap:anywhere;max-width:52em}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,318px),1fr));gap:10px 16px;margin-top:8px}
.answers>div{background:var(--panel);border-radius:8px;padding:10px 14px}
.who{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.answer{white-space:pre-wrap;overflow-wrap:anywhere}
.alike{color:var(--soft)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:8px 40px}
@media (max-width:560px){main,header,footer{padding-left:14px;padding-right:14px}header{padding-top:26px}figure{padding:12px 12px 8px}h2{margin-top:42px}}
@media print{:root:root{${light}}body{font-size:11pt}details:not([open]){display:none}figure,.notice,tr{break-inside:avoid}h2,h3{break-after:avoid}figure,.bar,.cell,.ink,.notice,.band{print-color-adjust:exact;-webkit-print-color-adjust:exact}.scroll{overflow:visible}}
`
