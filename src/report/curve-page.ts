import type { CurveEnds } from './curve-ends.ts'
import { html, type PathPlot, pathFigure } from './figures/index.ts'
import { standalonePage } from './update-page.ts'

/** What a page on the way between two models shows. */
export interface CurvePageParts {
  readonly ends: CurveEnds
  readonly title: string
  /** What the figures are of, in one sentence. */
  readonly lead: string
  readonly whole: readonly PathPlot[]
  /** Layers that are taken back alone. */
  readonly groups: readonly PathPlot[]
  /** What to make of these. */
  readonly aboutGroups: string
  readonly command: string
}

/** One self-contained HTML page. */
export function curvePageOf({
  ends,
  title,
  lead,
  whole,
  groups,
  aboutGroups,
  command,
}: CurvePageParts): string {
  const back =
    groups.length === 0
      ? undefined
      : html`<section><h2>Layers taken back alone</h2><p class="about">${aboutGroups}</p><div class="plots">${groups.map(
          (plot) => pathFigure({ ...plot, ends: ['back', 'as it is'] }),
        )}</div></section>`
  return standalonePage(
    `${ends[0]} to ${ends[1]} · Holdfast curve`,
    html`<header><p class="kicker"><b>Holdfast</b> · curve</p><h1>${title}</h1><p class="lead">${lead}</p></header>
<main><section><h2>The whole path</h2><div class="plots">${whole.map(pathFigure)}</div></section>
${back}<section><h2>Do it again</h2><pre>${command}</pre></section></main>
<footer>Everything on this page is in the file itself. The path is the straight one between the weights (Wortsman et al. 2022).</footer>`,
  )
}
