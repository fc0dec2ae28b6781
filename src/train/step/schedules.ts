import { UsageError } from '../../errors.ts'

/** The learning rate's factor at a step, counted from 0, of a task of `total` steps. */
export type Schedule = (step: number, total: number) => number

export interface ScheduleOptions {
  /** 'constant' (default), 'cosine' (to `final` along half a cosine; Loshchilov & Hutter 2017) or 'linear' (to `final`). */
  readonly kind?: 'constant' | 'cosine' | 'linear'
  /** Steps over which the rate rises linearly from 1 / warmup to 1, before the rest begins. Default 0. */
  readonly warmup?: number
  /** Factor at the last step. Default 0; 'constant' has none. */
  readonly final?: number
}

/**
 * A schedule as a function of the step. The first warm-up step has factor 1 / warmup, so no step is wasted at 0 (PyTorch's `LinearLR`
 * with that start factor).
 *
 * @throws UsageError `schedule` for an unknown kind or a negative warm-up.
 * @example
 * const rate = (step: number) => 0.1 * schedule({ kind: 'cosine', warmup: 100 })(step, 2000)
 */
export function schedule(options: ScheduleOptions = {}): Schedule {
  const { kind = 'constant', warmup = 0, final = 0 } = options
  if (!['constant', 'cosine', 'linear'].includes(kind)) {
    throw new UsageError('schedule', `A schedule is constant, cosine or linear; "${kind}" was given.`)
  }
  if (!(warmup >= 0))
    throw new UsageError('schedule', `Warm-up steps must be 0 or more; ${warmup} were given.`)
  return (step, total) => {
    if (step < warmup) return 1 / warmup + (1 - 1 / warmup) * (step / warmup)
    const span = Math.max(total - warmup, 1)
    const progress = Math.min((step - warmup) / span, 1)
    if (kind === 'cosine') return final + ((1 - final) * (1 + Math.cos(Math.PI * progress))) / 2
    return kind === 'linear' ? 1 + (final - 1) * progress : 1
  }
}
