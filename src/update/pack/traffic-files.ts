import { extname } from 'node:path'
import { readCsv } from '../../data/formats/index.ts'
import { DataError, UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { readUtf8 } from '../../tensor/reads-files.ts'
import { readPack } from './pack-files.ts'

/**
 * Shares of the traffic by class name, in any unit: a CSV file with a header, whose first column is the class and whose second
 * the share or count; JSON, an object from class to number; or a pack, which has its own.
 *
 * @throws DataError `traffic-share` naming the place, and what reading throws; UsageError `traffic-missing` for a pack that does not
 * say it.
 * @example await readTraffic('shares.csv') // Map { 'cat' => 0.7, 'dog' => 0.3 }
 */
export async function readTraffic(path: string): Promise<ReadonlyMap<string, number>> {
  const extension = extname(path).toLowerCase()
  if (extension === '.keep') return trafficOfPack(path)
  const text = await readUtf8(path)
  if (extension === '.json') return fromJson(text, path)
  const { columns, records } = readCsv(text, path)
  if (columns.length !== 2) {
    throw new DataError(
      'traffic-share',
      `${path}: two columns were expected, the class and its share, found ${columns.length} (${columns.join(', ')}).`,
    )
  }
  return collected(
    path,
    records.map(({ cells, line }) => [
      itemAt(cells, 0, 'column').trim(),
      Number(itemAt(cells, 1, 'column')),
      `${path}, line ${line}`,
    ]),
  )
}

async function trafficOfPack(path: string): Promise<ReadonlyMap<string, number>> {
  const { traffic, classes } = await readPack(path)
  if (!traffic) {
    throw new UsageError(
      'traffic-missing',
      `${path}: the pack does not say how often each class comes; it was made before that was kept. Give the shares in a file: class,share.`,
    )
  }
  return new Map(classes.map((name, at) => [name, itemAt(traffic.weights, at, 'class')]))
}

function fromJson(text: string, path: string): ReadonlyMap<string, number> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DataError('traffic-share', `${path}: this is not JSON: ${String(cause)}.`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(
      'traffic-share',
      `${path}: an object from class to share was expected, as {"cat": 0.7, "dog": 0.3}.`,
    )
  }
  return collected(
    path,
    Object.entries(value).map(([name, share]) => [
      name,
      typeof share === 'number' ? share : Number.NaN,
      `${path}, "${name}"`,
    ]),
  )
}

function collected(
  path: string,
  entries: readonly (readonly [name: string, share: number, place: string])[],
): ReadonlyMap<string, number> {
  const shares = new Map<string, number>()
  for (const [name, share, place] of entries) {
    if (shares.has(name))
      throw new DataError('traffic-share', `${place}: "${name}" has a share already. Each class has one.`)
    if (!(Number.isFinite(share) && share >= 0)) {
      throw new DataError(
        'traffic-share',
        `${place}: a share is a number from 0 on, such as 0.25 or a count.`,
      )
    }
    shares.set(name, share)
  }
  if ([...shares.values()].some((share) => share > 0)) return shares
  throw new DataError(
    'traffic-share',
    `${path}: ${shares.size === 0 ? 'it says no shares' : 'all shares are 0'}, so that nothing would count. Give the classes that come a share above 0.`,
  )
}
