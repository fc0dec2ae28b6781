import type { Ended } from '../command.ts'
import type { Errand } from './way.ts'

type Json = Readonly<Record<string, unknown>>

/** One model's way as lines of Markdown: a row of figures, and what the verbs said beside them. */
export function table(errand: Errand, ends: ReadonlyMap<string, Ended>): string {
  const ended = (step: string): Ended => {
    const found = ends.get(step)
    if (!found) throw new Error(`${errand.name}: the way has no step "${step}".`)
    return found
  }
  const update = ended('update').json
  const [old, fresh] = [accuracies(ended('gate').json), accuracies(ended('gate-new').json)]
  const cpu = (step: string): string => ended(step).cpuSeconds.toFixed(1)
  const row = [
    errand.name,
    `${percent(old.baseline)} → ${percent(old.candidate)} (${old.n})`,
    `${percent(errand.addsClasses ? 0 : fresh.baseline)} → ${percent(fresh.candidate)} (${fresh.n})`,
    `${String(update.status)}, ${errand.maxDrop}`,
    String(ended('gate').json.verdict),
    cpu('keep'),
    cpu('update'),
    cpu('gate'),
    cpu('extend'),
  ]
  const said = [...ends].flatMap(([step, { said }]) => said.map((line) => `- ${step}: ${line}`))
  return [`| ${row.join(' | ')} |`, ...new Set(said)].join('\n')
}

export const header = [
  '| model | old, untouched (rows) | new, untouched (rows) | update, budget | gate | keep s | update s | gate s | extend s |',
  '|---|---:|---:|---|---|---:|---:|---:|---:|',
].join('\n')

function accuracies(gate: Json): { baseline: number; candidate: number; n: number } {
  const { accuracy, n } = gate as { accuracy: { baseline: number; candidate: number }; n: number }
  return { ...accuracy, n }
}

const percent = (share: number): string => (100 * share).toFixed(1)
