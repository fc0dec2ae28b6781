import { count } from '../../count.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { RawLabels } from '../names/index.ts'
import { asWarning } from '../notes.ts'
import type { TokenRow } from './token-rows.ts'

/** Counts texts that are longer than the model reads. */
export interface CutTexts {
  readonly add: (rows: readonly TokenRow[], labels: RawLabels | Tensor) => void
  readonly notes: () => readonly string[]
}

/**
 * Watches texts being cut: how many are, and whether any are told apart only by what the model does not see.
 *
 * @param limit The tokens that it reads.
 * @param place What messages call the texts.
 */
export function cutTexts(limit: number | undefined, place: string): CutTexts {
  let all = 0
  let cut = 0
  let longest = 0
  /** By the tokens that are left of a text: the first label, and how many rows have another. */
  const seen = new Map<string, { readonly label: string; others: number; rows: number }>()
  return {
    add(rows, labels) {
      all += rows.length
      for (const [row, { ids, lost = 0 }] of rows.entries()) {
        if (lost === 0) continue
        cut++
        longest = Math.max(longest, ids.length + lost)
        if (!('kind' in labels) || labels.kind !== 'classification') continue
        const key = ids.join()
        const label = String(labels.values[row])
        const known = seen.get(key)
        if (known === undefined) seen.set(key, { label, others: 0, rows: 1 })
        else {
          known.rows++
          if (known.label !== label) known.others++
        }
      }
    },
    notes() {
      // Without a limit nothing is cut.
      if (limit === undefined || cut === 0) return []
      const alike = [...seen.values()].filter(({ others }) => others > 0)
      const rows = alike.reduce((sum, each) => sum + each.rows, 0)
      const note = `${place}: ${cut.toLocaleString('en-US')} of ${count(all, 'text')} ${cut === 1 ? 'is longer' : 'are longer'} than the ${count(limit, 'token')} that the model reads (the longest has ${longest.toLocaleString('en-US')}), and ${cut === 1 ? 'loses its end' : 'lose their end'}.`
      if (rows === 0) return [note]
      return [
        note,
        asWarning(
          `${place}: ${rows.toLocaleString('en-US')} of these texts are alike as far as the model reads, but have different labels: what tells them apart is cut off, and cannot be learned. Shorten the texts, or keep the part that matters.`,
        ),
      ]
    },
  }
}
