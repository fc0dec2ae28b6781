import type { LoadedPlan, LoadPlanOptions } from '../train/plan-files.ts'
import type { Screen } from './screen.ts'

/** Says loudly when data are not those that were asked for, or are drawn. */
export function noteData({ instead, inputs }: Pick<LoadedPlan, 'instead' | 'inputs'>, screen: Screen): void {
  if (instead !== undefined) {
    screen.warn(`warning: this is not MNIST, but synthetic digits drawn by Holdfast: ${instead}`)
  } else if (inputs.data.some(({ train, test }) => train.synthetic || test.synthetic)) {
    screen.warn('note: synthetic digits drawn by Holdfast; do not compare these figures with published ones.')
  }
}

/** Shows a download as it goes. */
export const showDownload = (screen: Screen): NonNullable<LoadPlanOptions['onProgress']> => {
  return ({ file, received, total }) =>
    screen.progress({ label: file, done: received, total: total ?? received, unit: 'bytes' })
}
