import type { Dataset } from '../../data/dataset.ts'
import { preview } from '../../data/names/index.ts'
import { fewRows } from './keep-sums.ts'
import type { Pack } from './pack.ts'

/** What was asked for of rows that are held out. */
interface HeldOutAsked {
  readonly heldOut?: Dataset | undefined
  readonly heldOutRows?: number | undefined
  readonly heldOutActivations?: number | undefined
  readonly sumsOnly?: boolean | undefined
}

/** What should be known of a pack as it was made. */
export function notesOn(pack: Pack, asked: HeldOutAsked, labels: Int32Array): string[] {
  const { heldOut, activations, classes } = pack
  const present = new Set(labels)
  const missing = classes.filter((_, label) => !present.has(label))
  return [
    ...(missing.length > 0
      ? [`The data have no rows of ${preview(missing)}: nothing of these classes is kept.`]
      : []),
    ...(heldOut ? [] : [activations ? noInputs : nothingHeldOut(asked)]),
    ...(heldOut && !activations && (asked.heldOutActivations ?? 0) > 0 ? [allInputs] : []),
    ...(pack.private ? fewRows(pack) : []),
  ]
}

const allInputs =
  'All held-out rows are kept as inputs, so that none is left to keep as activations: keep fewer as inputs (--held-out).'

const noInputs =
  'Held-out rows are kept as activations alone: an update with this pack can be measured only where what trains lies above them.'

/** How rows come to be held out. */
export const partWanted =
  'Make it of a folder that has rows which the model was not trained on as its test part (test.csv beside train.csv, or test/ beside train/).'

/** Which flags had no effect, where nothing is there to hold out. */
export function inVain(rows: number | undefined, activations = 0): string {
  const said = [
    ...((rows ?? 0) > 0 ? [`--held-out ${rows}`] : []),
    ...(activations > 0 ? [`--held-out-activations ${activations}`] : []),
  ]
  return said.length === 0
    ? ''
    : `, so that ${said.join(' and ')} ${said.length === 1 ? 'has' : 'have'} no effect`
}

function nothingHeldOut({ heldOut, heldOutRows: most, heldOutActivations, sumsOnly }: HeldOutAsked): string {
  if (sumsOnly)
    return 'No row is kept: an update with this pack is written unproved (exit code 3). What it costs a gate can tell, on old data: holdfast gate OLD.onnx NEW.unproven.onnx --data DIR.'
  if (most === 0)
    return 'No row is held out, as was asked (--held-out 0): an update with this pack cannot measure what it costs.'
  return heldOut
    ? 'Every held-out row is an exemplar, too, so that none is left to measure an update on.'
    : `The data have no test or validation part${inVain(most, heldOutActivations)}: an update with this pack cannot measure what it costs. ${partWanted}`
}
