import { makeFolder } from '../../tensor/writes-files.ts'
import { averaged, type DoRound, type Replica } from '../../train/replicas/index.ts'
import {
  delivered,
  hasMean,
  putDelivery,
  putMean,
  putRound,
  readDeliveries,
  readMean,
  readStart,
} from './exchange-files.ts'
import type { RoundSpec } from './spec.ts'

/** Has replicas deliver a round, wherever they are, and its mean taken. When it is back the mean is in the folder. */
export type RunRound = (folder: string, spec: RoundSpec) => Promise<void>

/**
 * Rounds by files in one folder. A round that was done before, by whoever was killed then, is taken as it is: also which replicas had
 * delivered by its end.
 */
export const roundsIn =
  (folder: string, given: Pick<RoundSpec, 'identity' | 'of' | 'step'>, run: RunRound): DoRound =>
  async (round) => {
    await makeFolder(folder)
    const spec = await putRound(folder, round, given)
    if (!(await hasMean(folder, spec))) await run(folder, spec)
    return readMean(folder, spec)
  }

/** Does one replica's part of a round, unless it is done. */
export async function deliverRound(
  folder: string,
  spec: RoundSpec,
  replica: number,
  open: () => Promise<Replica>,
): Promise<void> {
  if ((await delivered(folder, spec))[replica]) return
  const { samplers, ...round } = await readStart(folder, spec)
  const delivery = await (await open()).deliver(round, { samplers, method: spec.method })
  await putDelivery(folder, spec, replica, delivery)
}

/** Ends a round with those that have delivered. */
export async function endRound(folder: string, spec: RoundSpec): Promise<void> {
  if (await hasMean(folder, spec)) return
  const { round, deliveries, bytes } = await readDeliveries(folder, spec)
  await putMean(folder, spec, averaged(round, deliveries, spec.step, bytes))
}
