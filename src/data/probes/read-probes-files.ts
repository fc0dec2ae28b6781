import { extname } from 'node:path'
import { DataError } from '../../errors.ts'
import type { TableOptions } from '../formats/index.ts'
import { tableReader } from '../tables/index-files.ts'
import type { Probe, ProbeSet } from './probe.ts'
import { probeAt } from './probe-row.ts'

/** How files of probes are read. */
export type ProbeReading = Pick<TableOptions, 'encoding' | 'delimiter' | 'onNote'>

/** Rows that are looked at for the fields that there are. */
const rowsAtOnce = 2 ** 16

/**
 * Reads probes from a `.jsonl`, `.json` or `.parquet` file, or a `.csv` where there are no choices: a probe a row, in one of two forms
 * that may be mixed.
 * - `{"question", "choices": ["…", "…"], "answer"}`: the answer is a choice's number from 0 on, or its text.
 * - `{"prompt", "answer"}`: one exact answer, a text or a number.
 *
 * The prompt may be called `question`, `prompt` or `query`, and is taken as it stands. `id` names the probe. `delimiter` stands between prompt and
 * answer where neither has white space there; a space unless it is given.
 *
 * @throws DataError `probes-format`, `probe-duplicate`, and what {@link probeAt} and the formats' readers throw, with file and line.
 * @example
 * const { probes } = await readProbes('facts.jsonl')
 */
export async function readProbes(path: string, reading: ProbeReading = {}): Promise<ProbeSet> {
  const read = tableReader(path)
  if (!read) {
    throw new DataError(
      'probes-format',
      `${path}: expected probes, a .jsonl, .json, .parquet or .csv file, found ${extname(path) ? `a ${extname(path)} file` : 'a file without extension'}.`,
    )
  }
  const probes: Probe[] = []
  const places = new Map<string, string>()
  for await (const table of read(path, rowsAtOnce, reading)) {
    for (let row = 0; row < table.rows; row++) {
      const probe = probeAt(table, row, probes.length)
      const before = places.get(probe.id)
      if (before !== undefined) {
        throw new DataError(
          'probe-duplicate',
          `${probe.place}: the id "${probe.id}" is that of ${before}, too. Give each probe its own, or none an id: then they are numbered.`,
        )
      }
      places.set(probe.id, probe.place)
      probes.push(probe)
    }
  }
  if (probes.length > 0) return { name: path, probes }
  throw new DataError('data-empty', `${path}: there are no probes.`)
}
