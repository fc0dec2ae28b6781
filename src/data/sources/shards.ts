import { count as counted } from '../../count.ts'
import { DataError } from '../../errors.ts'

/** A split is one file, or all of its shards `-00000-of-00003`. */
export function checkShards(folder: string, files: readonly string[]): void {
  const counts = files.map((file) => /-\d+-of-(\d+)\.[^.]+$/.exec(file)?.[1])
  const [count] = counts
  if (files.length === Number(count ?? 1) && counts.every((other) => other === count)) return
  throw new DataError(
    'shards-missing',
    count === undefined
      ? `${folder}: ${files.join(', ')} could each be the same split. Leave one of them there.`
      : `${folder}: expected ${counted(Number(count), 'file')} of one split, found ${files.length}: ${files.slice(0, 4).join(', ')}. Fetch what is missing and remove what does not belong.`,
  )
}
