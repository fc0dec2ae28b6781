import { count } from '../../count.ts'
import { syntheticDigits } from '../../data/catalogue/index.ts'
import { mnistOrSynthetic, resolveDataset } from '../../data/catalogue/index-files.ts'
import { type Dataset, samples, subset } from '../../data/dataset.ts'
import { readDataset } from '../../data/files.ts'
import type { LoadedData } from '../../data/parts.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { columnsOf, inColumnsOf } from '../../data/same-columns.ts'
import { padTogether } from '../../data/text/index.ts'
import { DataError } from '../../errors.ts'
import { readWanted, type Wanted } from '../../evaluate/other-kind-files.ts'
import { randomStream } from '../../tensor/random.ts'
import { heldApart } from './held-apart.ts'
import type { LoadedSources } from './language-files.ts'
import { limited } from './limited.ts'
import type { LoadPlanOptions } from './load-options.ts'
import type { RunPlan } from './plan.ts'
import type { TrainTest } from './prepare.ts'
import { isNamed } from './source-names.ts'

interface RowsOptions {
  /** Places of sources whose rows are read without labels. Behind the first they keep all rows for training. Default none. */
  readonly bare?: ReadonlySet<number> | undefined
  /** What the model that reads them learns from, where it comes from a file. */
  readonly wanted?: Wanted | undefined
}

/**
 * Reads the rows of each source of a plan, all under the columns of the first.
 *
 * @throws DataError `data-kind` for data that plainly are of another kind than the model learns from; and what reading throws.
 */
export async function loadRows(
  sources: readonly string[],
  plan: RunPlan,
  options: LoadPlanOptions,
  reading: ReadOptions,
  { bare = new Set(), wanted }: RowsOptions = {},
): Promise<LoadedSources> {
  const beside = new Set([...bare].filter((at) => at > 0))
  const loaded: LoadedSource[] = []
  for (const [at, source] of sources.entries()) {
    const how = bare.has(at) ? { ...reading, unlabelled: true } : reading
    const wholeTrain = options.wholeTrain || beside.has(at)
    const read = () => loadSource(source, plan, { ...options, wholeTrain }, how, loaded[0]?.found)
    loaded.push(wanted ? await readWanted(source, wanted, how, read) : await read())
  }
  const { data, notes } = heldApart(
    loaded.map((each) => validated(each.data, plan.data.validationShare)),
    beside,
  )
  return {
    data: ofOneLength(data),
    instead: loaded.find((each) => each.instead !== undefined)?.instead,
    notes: [...loaded.flatMap((each) => each.found?.notes ?? []), ...notes],
  }
}

/** With a share of the training rows in place of the test part, the same ones each time. */
function validated({ train, test }: TrainTest, share: number | undefined): TrainTest {
  if (share === undefined) return { train, test }
  const rows = samples(train)
  const held = Math.min(Math.max(1, Math.round(rows * share)), rows - 1)
  return cut(train, held, 'validation share')
}

/** Texts of several files as rows of one length. */
function ofOneLength(data: readonly TrainTest[]): readonly TrainTest[] {
  const same = padTogether(data.flatMap(({ train, test }) => [train, test]))
  return data.map(({ train, test }, index) => ({
    train: same[2 * index] ?? train,
    test: same[2 * index + 1] ?? test,
  }))
}

interface LoadedSource {
  readonly data: TrainTest
  readonly instead: string | undefined
  /** As read from files. */
  readonly found?: LoadedData | undefined
}

/** @param before Data of the first task: the columns of all stand in their order. */
async function loadSource(
  source: string,
  { data }: RunPlan,
  options: LoadPlanOptions,
  reading: ReadOptions,
  before: LoadedData | undefined,
): Promise<LoadedSource> {
  if (source === 'synthetic') {
    return { data: syntheticDigits(data.limit ?? {}), instead: undefined }
  }
  const { download = false, onProgress } = options
  if (source.toLowerCase() === 'mnist' && options.orSynthetic) {
    const { train, test, instead } = await mnistOrSynthetic({ ...data.limit, download, onProgress })
    return { data: limited({ train, test }, data.limit), instead }
  }
  const found = isNamed(source)
    ? await resolveDataset(source, { download, onProgress, reading })
    : await inColumnsOf(before && columnsOf(before), reading, (how) => readDataset(source, how))
  return {
    data: limited(withTest(found, options.wholeTrain ? 0 : data.testShare, source), data.limit),
    instead: undefined,
    found,
  }
}

/** Data without a test part give up a share of their rows, the same ones each time. */
function withTest(loaded: LoadedData, share: number, source: string): TrainTest {
  const test = loaded.test ?? loaded.validation
  if (test) return { train: loaded.train, test }
  if (share === 0) return { train: loaded.train, test: loaded.train }
  const rows = samples(loaded.train)
  const held = Math.round(rows * share)
  if (held < 1 || held >= rows) {
    throw new DataError(
      'data-too-few',
      `${source}: of ${count(rows, 'sample')} a share of ${share} cannot be held out for testing. Add a test part, or set data.testShare.`,
    )
  }
  return cut(loaded.train, held, 'test share')
}

/** So many rows as the test part, the same ones each time, and the others. */
function cut(dataset: Dataset, held: number, name: string): TrainTest {
  const order = randomStream(0, name).permutation(samples(dataset))
  return {
    train: subset(dataset, order.slice(held).sort()),
    test: subset(dataset, order.slice(0, held).sort()),
  }
}
