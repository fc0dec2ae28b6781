import { count } from '../count.ts'
import { UsageError } from '../errors.ts'
import { compareMethods } from '../measure/compare-methods.ts'
import { points } from '../measure/points.ts'
import { type BenchResult, groupResults, type ResultGroup, type ScenarioName } from '../measure/results.ts'
import { comparisonNote, comparisonTable } from './comparison.ts'
import {
  accuracyFigure,
  capitalise,
  dataTable,
  heatmapFigure,
  html,
  layerFigure,
  lineFigure,
  type Markup,
  methodTitle,
  pixelFigure,
  styleSheet,
} from './figures/index.ts'
import { headline } from './headline.ts'
import { missingTable } from './missing.ts'
import { benchmarkTitle } from './protocol-title.ts'
import { runTextsTable } from './run-texts.ts'
import {
  machineTable,
  metricsTable,
  overviewTable,
  presentColumns,
  secondsTable,
  settingsTable,
} from './tables.ts'
import { trialsTable, tuningTable } from './tuning.ts'

/** What else a page may say. */
export interface ReportOptions {
  /** The command line that made the results; shown so that anyone can repeat it. */
  readonly command?: string
  /** When, as text to show. */
  readonly created?: string
  /** A part of its own behind the benchmarks, for example {@link updateArticle}. */
  readonly more?: Markup | undefined
  /** `auto` follows the reader's setting (default). */
  readonly theme?: 'auto' | 'light' | 'dark'
}

const scenarioNote: Readonly<Record<ScenarioName, string>> = {
  task: 'The model is told which task an input belongs to, and chooses among that task’s classes only.',
  domain: 'The same classes throughout, the kind of input changes; the model is not told the task.',
  class: 'The model must choose among all classes of all tasks and is not told the task: the hardest.',
}

/** Words for data that was generated, wherever a result is shown. */
export const syntheticNotice = (bench: BenchResult): string =>
  `These numbers were measured on generated data (${bench.dataset.name}), not on a published data set. Do not compare them with published results.`

function importanceFigures(groups: readonly ResultGroup[]): Markup | undefined {
  const figures = groups.flatMap((group) => {
    const run = group.runs.find((candidate) => candidate.importance !== undefined)
    if (run?.importance === undefined) return []
    const { layers, pixels } = run.importance
    const name =
      group.runs.length > 1 ? `${methodTitle(group.method)}, seed ${run.seed}` : methodTitle(group.method)
    return [...(pixels === undefined ? [] : [pixelFigure(name, pixels)]), layerFigure(name, layers)]
  })
  if (figures.length === 0) return undefined
  return html`<h3>Which weights the past depends on</h3><p class="about">Fisher information summed over weights: what the penalty holds in place.</p><div class="plots">${figures}</div>`
}

function scenarioSection(bench: BenchResult, scenario: ScenarioName, groups: readonly ResultGroup[]): Markup {
  const columns = presentColumns(groups)
  const seeds = groups.some((group) => group.runs.length > 1) ? ', mean of the seeds' : ''
  const title = `${capitalise(scenario)}-incremental`
  return html`<section><h2>${title}</h2><p class="about">${scenarioNote[scenario]}</p>
<div class="single">${accuracyFigure(groups)}</div>
<h3>All figures</h3>${dataTable(metricsTable(groups, `${title}: points, mean ± standard error`))}<details><summary>What the columns mean</summary><dl>${columns.map(
    ({ title: name, meaning }) => html`<dt>${name}</dt><dd>${meaning}</dd>`,
  )}</dl></details><details><summary>Where the time went</summary>${dataTable(secondsTable(groups))}</details>
${comparisonPart(groups)}<h3>Each task over time</h3><p class="about">Accuracy in %${seeds}. A line is a task and begins where its learning does; it falls where the task is forgotten.</p>
<div class="plots">${groups.map((group) => lineFigure(group, bench.tasks))}</div>
<h3>Accuracy matrix</h3><p class="about">A row for each task learned, a column for each task tested, in %${seeds}. Outlined: the task just learned. To the right of the outline, in italics: tasks still to come.</p>
<div class="plots">${groups.map((group) => heatmapFigure(group, bench.tasks))}</div>
${textsPart(groups, bench.tasks)}${importanceFigures(groups)}</section>
`
}

function textsPart(groups: readonly ResultGroup[], tasks: readonly string[]): Markup | undefined {
  const tables = groups.flatMap((group) => runTextsTable(group, tasks) ?? [])
  if (tables.length === 0) return undefined
  return html`<h3>What texts cost</h3><p class="about">A row for each task learned, a column for each test part; less is better.</p>${tables.map(dataTable)}
`
}

function comparisonPart(groups: readonly ResultGroup[]): Markup | undefined {
  const found = compareMethods(groups.flatMap(({ runs }) => runs))
  if (found.length === 0) return undefined
  return html`<h3>Compared over seeds</h3>${dataTable(comparisonTable(found))}<p class="about">${comparisonNote}</p>
`
}

function tuningSection({ tuning }: BenchResult): Markup | undefined {
  const [first] = tuning ?? []
  if (!tuning || !first) return undefined
  return html`<section><h2>How settings were chosen</h2><p class="about">Each method had as many trials, scored on ${points(first.validationShare, 0)} % of the training rows, with seed ${first.seed}, which is not among those reported. Nothing was chosen by test rows.</p>${dataTable(tuningTable(tuning))}<details><summary>All trials</summary>${dataTable(trialsTable(tuning))}</details></section>
`
}

const missingSection = ({ missing = [] }: BenchResult): Markup | undefined =>
  missing.length === 0
    ? undefined
    : html`<section><h2>Runs that are missing</h2>${dataTable(missingTable(missing))}</section>
`

function benchSections(bench: BenchResult): Markup {
  const groups = groupResults(bench.results)
  const scenarios = [...new Set(groups.map((group) => group.scenario))]
  const overview =
    scenarios.length > 1
      ? html`<section><h2>Average accuracy by scenario</h2>${dataTable(overviewTable(groups))}</section>`
      : undefined
  return html`${missingSection(bench)}${overview}${scenarios.map((scenario) =>
    scenarioSection(
      bench,
      scenario,
      groups.filter((group) => group.scenario === scenario),
    ),
  )}${tuningSection(bench)}<section><h2>How this was measured</h2><div class="two facts">${dataTable(settingsTable(bench))}${dataTable(machineTable(bench))}</div></section>
`
}

const notice = (bench: BenchResult): Markup | undefined =>
  bench.dataset.synthetic
    ? html`<div class="notice" role="note"><strong>Synthetic data</strong>${syntheticNotice(bench)}</div>`
    : undefined

/**
 * One self-contained HTML page from one or several results: the result in words, bars, tasks over time, accuracy matrices, all
 * figures, importance, settings and machine. No scripts, no network, no fonts; every plot has its numbers in a table.
 *
 * @param bench what `holdfast bench` measured; each of several gets its own headline and sections
 * @throws UsageError `report-empty` without results
 * @example await writeFile('report.html', reportHtml(bench, { command: 'holdfast bench split-mnist' }))
 */
export function reportHtml(bench: BenchResult | readonly BenchResult[], options: ReportOptions = {}): string {
  const benches = 'schema' in bench ? [bench] : bench
  const first = benches[0]
  if (first === undefined || benches.some(({ results }) => results.length === 0)) {
    throw new UsageError(
      'report-empty',
      'A report needs at least one result in each benchmark, but got none.',
    )
  }
  const { command, created, more, theme = 'auto' } = options
  const top = headline(first)
  const runs = benches.reduce((sum, { results }) => sum + results.length, 0)
  const names = [...new Set(benches.map(({ benchmark }) => benchmark))].join(', ')
  const which = benches.length > 1 ? `${benchmarkTitle(first)}: ` : ''
  const rest = benches.slice(1).map((other) => {
    const { title, detail } = headline(other)
    return html`<article><h2>${benchmarkTitle(other)}: ${title}</h2><p class="lead">${detail}</p>${notice(other)}${benchSections(other)}</article>`
  })
  const page = html`<!doctype html>
<html lang="en"${theme === 'auto' ? undefined : html` data-theme="${theme}"`}>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><title>${names} · Holdfast report</title><style>${{ markup: styleSheet }}</style></head>
<body>
<header><p class="kicker"><b>Holdfast</b> · ${names} · ${count(runs, 'run')}${created === undefined ? undefined : ` · ${created}`}</p><h1>${which}${top.title}</h1><p class="lead">${top.detail}</p>${notice(first)}</header>
<main>${benchSections(first)}${rest}${more}${
    command === undefined ? undefined : html`<section><h2>Do it again</h2><pre>${command}</pre></section>`
  }</main>
<footer>Everything on this page is in the file itself. Figures: van de Ven et al. 2022 (scenarios), Lopez-Paz &amp; Ranzato 2017 (transfer), Chaudhry et al. 2018 (forgetting, intransigence), De Lange et al. 2023 (stability gap).</footer>
</body>
</html>
`
  return page.markup
}
