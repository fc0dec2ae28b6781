import { TrainingError } from '../../errors.ts'

/** @param what What of the run is no finite number, and where. */
export const diverged = (what: string): TrainingError =>
  new TrainingError(
    'diverged',
    `Training diverged: ${what}. The last checkpoint stands. Lower the learning rate, or the strength of a penalty that is large; ` +
      'for ewc and online-ewc there is a proximal step, too (--ewc-step proximal).',
  )
