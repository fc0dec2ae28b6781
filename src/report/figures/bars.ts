import { count } from '../../count.ts'
import { points } from '../../measure/points.ts'
import type { ResultGroup } from '../../measure/results.ts'
import { mean, sem } from '../../measure/statistics.ts'
import { figure } from './figure.ts'
import { meanAndError, methodTitle } from './format.ts'
import { html, type Markup } from './markup.ts'

/** A bar from 0 to `value`, in fractions of the whole width. */
export interface Bar {
  readonly label: string
  /** What stands at the right end of the label's line. */
  readonly note: string
  readonly value: number
  /** Half the length of the error bar. */
  readonly error?: number | undefined
  readonly dots?: readonly number[]
  /** Drawn hollow: a reference, not a contender. */
  readonly reference?: boolean
}

const percent = (fraction: number): string => `${(100 * Math.max(0, Math.min(1, fraction))).toFixed(2)}%`

/**
 * Horizontal bars from 0 to 100 %. Widths are per cent of the drawing and heights are pixels, so that the text keeps its size on
 * a phone.
 */
export function barPlot(bars: readonly Bar[], ariaLabel: string): Markup {
  const rowHeight = bars.some((bar) => bar.dots?.length) ? 50 : 44
  const height = bars.length * rowHeight + 20
  const grid = [0, 0.25, 0.5, 0.75, 1].map((at) => {
    const anchor = at === 0 ? 'start' : at === 1 ? 'end' : 'middle'
    return html`<line class="grid" x1="${percent(at)}" x2="${percent(at)}" y1="20" y2="${height - 16}"/><text class="tick" x="${percent(at)}" y="${height - 3}" text-anchor="${anchor}">${100 * at}${at === 1 ? ' %' : ''}</text>`
  })
  const rows = bars.map((bar, n) => {
    const top = n * rowHeight
    const middle = top + 28
    const low = bar.value - (bar.error ?? 0)
    const high = bar.value + (bar.error ?? 0)
    const whisker =
      bar.error === undefined
        ? undefined
        : html`<line class="whisker" x1="${percent(low)}" x2="${percent(high)}" y1="${middle}" y2="${middle}"/><line class="whisker" x1="${percent(low)}" x2="${percent(low)}" y1="${middle - 5}" y2="${middle + 5}"/><line class="whisker" x1="${percent(high)}" x2="${percent(high)}" y1="${middle - 5}" y2="${middle + 5}"/>`
    const dots = (bar.dots ?? []).map(
      (dot) => html`<circle class="seed" cx="${percent(dot)}" cy="${top + 42}" r="2.6"/>`,
    )
    return html`<text class="name" x="0" y="${top + 14}">${bar.label}</text><text class="number" x="100%" y="${top + 14}" text-anchor="end">${bar.note}</text><rect class="bar${bar.reference ? ' reference' : ''}" x="0" y="${top + 20}" width="${percent(bar.value)}" height="16" rx="2"/>${dots}${whisker}`
  })
  return html`<svg class="bars" width="100%" height="${height}" role="img" aria-label="${ariaLabel}">${grid}${rows}</svg>`
}

/** Average accuracy of each method with its standard error and one dot a seed. */
export function accuracyFigure(groups: readonly ResultGroup[]): Markup {
  const bars = groups.map((group): Bar => {
    const values = group.runs.map((run) => run.averageAccuracy)
    return {
      label: methodTitle(group.method),
      note: `${meanAndError(values) ?? ''} %`,
      value: mean(values),
      error: sem(values),
      dots: values.length > 1 ? values : [],
      reference: group.method === 'joint',
    }
  })
  const title = 'Average accuracy at the end'
  const many = groups.some((group) => group.runs.length > 1)
  const reference = groups.some((group) => group.method === 'joint')
    ? ' Hollow: joint training on everything at once, usually the ceiling.'
    : ''
  return figure({
    title,
    caption: `Mean over all tasks after the last one.${many ? ' The whisker is one standard error; below the bar, a dot a seed.' : ' One seed: no error bar.'}${reference}`,
    plot: barPlot(bars, `${title}: ${bars.map((bar) => `${bar.label} ${bar.note}`).join(', ')}.`),
    table: {
      caption: `${title}, %`,
      head: ['Method', 'Mean ± SEM', 'Seeds', 'Each seed'],
      rows: groups.map((group) => [
        methodTitle(group.method),
        meanAndError(group.runs.map((run) => run.averageAccuracy)) ?? '',
        count(group.runs.length, 'seed'),
        group.runs.map((run) => `${run.seed}: ${points(run.averageAccuracy)}`).join(', '),
      ]),
    },
  })
}
