import { UsageError } from '../../errors.ts'

/** The learning rate's factor at a step, counted from 0, of a task of `total` steps. */
export type Schedule = (step: number, total: number) => number

export interface ScheduleOptions {
  /** 'constant' (default), 'cosine' (to `final` along half a cosine; Loshchilov & Hutter 2017) or 'linear' (to `final`). */
  readonly kind?: 'constant' | 'cosine' | 'linear'
  /** Steps over which the rate rises linearly from 1 / warmup to 1, before the rest begins. Default 0. */
  readonly warmup?: number
  /** Factor at the last step, reached there exactly; from 0 on. Default 0; 'constant' has none. */
  readonly final?: number
}

/**
 * A schedule as a function of the step. The first warm-up step has factor 1 / warmup, so no step is wasted at 0 (PyTorch's
 * `LinearLR` with that start factor). The step after the warm-up has factor 1 and the last one `final`: PyTorch's
 * `CosineAnnealingLR` with `T_max` (`LinearLR` with `total_iters`) one less than the steps after the warm-up. Where only one
 * step is left for both, it has factor 1.
 *
 * @throws UsageError `schedule` for an unknown kind, a warm-up that is no whole number from 0 on, or a `final` that is no
 * number from 0 on.
 * @example
 * const rate = (step: number) => 0.1 * schedule({ kind: 'cosine', warmup: 100 })(step, 2000)
 */
export function schedule(options: ScheduleOptions = {}): Schedule {
  const { kind = 'constant', warmup = 0, final = 0 } = options
  if (!['constant', 'cosine', 'linear'].includes(kind)) {
    throw new UsageError('schedule', `A schedule is constant, cosine or linear; "${kind}" was given.`)
  }
  if (!Number.isInteger(warmup) || warmup < 0) {
    throw new UsageError('schedule', `Warm-up steps are a whole number from 0 on; ${warmup} were given.`)
  }
  if (!Number.isFinite(final) || final < 0) {
    throw new UsageError('schedule', `A schedule's final factor is a number from 0 on; ${final} was given.`)
  }
  return (step, total) => {
    if (step < warmup) return 1 / warmup + (1 - 1 / warmup) * (step / warmup)
    const last = Math.max(total - 1, warmup)
    const progress = step === warmup ? 0 : Math.min((step - warmup) / Math.max(last - warmup, 1), 1)
    if (kind === 'cosine') return final + ((1 - final) * (1 + Math.cos(Math.PI * progress))) / 2
    return kind === 'linear' ? 1 + (final - 1) * progress : 1
  }
}
