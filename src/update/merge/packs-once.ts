import { preview } from '../../data/names/index.ts'
import { type DataIdentity, isAmong, overlapping, type Pack } from '../pack/index.ts'

interface NamedPack {
  readonly path: string
  readonly pack: Pick<Pack, 'data'>
}

/**
 * Packs whose sums add up: those without one whose data others are of, too, as its rows would count twice.
 *
 * @throws UsageError `pack-overlap` where two are of the same data, and each of more: nobody can tell then what to take off.
 */
export function onceEach<T extends NamedPack>(
  packs: readonly T[],
): { readonly counted: readonly T[]; readonly notes: readonly string[] } {
  const notes: string[] = []
  const counted: T[] = []
  // The ones of most data first: what they are of, others add nothing to.
  for (const next of [...packs].sort((a, b) => b.pack.data.length - a.pack.data.length)) {
    const known = (one: DataIdentity) => counted.find(({ pack }) => isAmong(one, pack))
    const shared = next.pack.data.filter(known)
    const [first] = shared
    if (!first) {
      counted.push(next)
      continue
    }
    const other = known(first)?.path
    if (shared.length < next.pack.data.length)
      throw overlapping(`${next.path} and ${other} are both`, shared, 'the sums')
    const names = preview(shared.map(({ name }) => name))
    notes.push(`${next.path} is of data that ${other} is of, too (${names}): its rows count once.`)
  }
  return { counted, notes }
}
