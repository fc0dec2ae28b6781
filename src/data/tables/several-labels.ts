import { DataError } from '../../errors.ts'
import type { TableOptions } from '../formats/index.ts'
import type { RawLabels } from '../names/index.ts'

/** What parts several labels in one text, where nothing else is said. */
export const defaultSeparator = ';'

/** Labels that may be several in one text. */
export interface SeveralLabels {
  readonly add: (labels: RawLabels) => void
  /** @throws DataError `label-ambiguous` */
  readonly end: () => void
}

/**
 * Looks out for labels like `a;b`. Each is the name of a class, and that is said; but where `a` and `b` are labels of other rows, both readings are open.
 */
export function severalLabels(
  { kind, classes, onNote }: TableOptions & { readonly classes?: readonly string[] | undefined },
  file: string,
): SeveralLabels {
  const known = new Set(classes)
  const labels = new Set<string>()
  const joined = new Map<string, string>()
  return {
    add(found) {
      if (kind !== undefined || found.kind !== 'classification' || found.names) return
      for (const [row, value] of found.values.entries()) {
        const label = String(value)
        if (labels.has(label)) continue
        labels.add(label)
        if (label.includes(defaultSeparator) && !known.has(label)) joined.set(label, found.locate(row))
      }
    },
    end() {
      for (const [label, place] of joined) {
        const parts = label.split(defaultSeparator).map((part) => part.trim())
        if (!parts.every((part) => labels.has(part))) continue
        throw new DataError(
          'label-ambiguous',
          `${place}: label '${label}' may be several classes, as ${parts.join(' and ')} are labels of other rows, or a class of that name. Say which it is (kind): multi-label for several classes a row, classification if it is the name of a class.`,
        )
      }
      const [label] = joined.keys()
      if (label === undefined) return
      onNote?.(
        `${file}: labels such as '${label}' are taken for the name of one class. If ${defaultSeparator} parts several, say so (kind): multi-label.`,
      )
    },
  }
}
