import { z } from 'zod'
import { add, div, type Emitter, mul, scalar } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { methodEntry, settle } from './entry.ts'
import { innerProduct } from './inner-product.ts'
import type { Method, Named } from './method.ts'
import { searched } from './search.ts'

const options = z.strictObject({
  rho: z
    .number()
    .min(0)
    .default(0.05)
    .describe('how far the point is at which the gradient is taken')
    .meta(searched(0.005, 0.5)),
})

export type SamOptions = z.input<typeof options>

/**
 * Sharpness-aware minimisation (Foret et al. 2021, ICLR): with g the gradient of the loss at theta, all parameters as one
 * vector, the step is taken on the gradient at theta + rho g / |g|, where the loss nearby is about worst. Flat minima forget
 * less (Mehta et al. 2023, JMLR). The loss is that of all methods' terms; penalties whose gradient is given in closed form are
 * taken at theta.
 *
 * @throws UsageError `method-option` for values that make no sense.
 * @example
 * const method = compose(sam({ rho: 0.05 }), replay({ perClass: 20 }))
 */
export function sam(given: SamOptions = {}): Method {
  const settings = settle('sam', options, given)
  return {
    name: 'sam',
    settings,
    past: 'nothing',
    terms: ({ step, parameters }) =>
      // The step is then the plain one, to the last bit.
      settings.rho === 0 ? {} : { nearby: (gradients) => moved(step, parameters, gradients, settings.rho) },
    refuses: ({ name }) =>
      name === 'sam' ? 'One step is taken at one point nearby: name sam once.' : undefined,
  }
}

/** Keeps 0 / 0 from being NaN where nothing has a gradient, and changes no other length. */
const ALMOST_NOTHING = 1e-30

/** theta + rho g / |g| */
function moved(emit: Emitter, parameters: Named, gradients: Named, rho: number): Named {
  const square = innerProduct(emit, gradients, gradients)
  const length = emit.op('Sqrt', [add(emit, square, scalar(emit, ALMOST_NOTHING, square))])
  const factor = div(emit, scalar(emit, rho, length), length)
  return new Map(
    [...parameters].map(([name, parameter]) => [
      name,
      add(emit, parameter, mul(emit, required(gradients, name, 'gradient'), factor)),
    ]),
  )
}

export const samEntry = methodEntry({
  name: 'sam',
  summary: 'the gradient at the worst point nearby: flat minima forget less (Foret et al. 2021)',
  needs: 'no',
  keeps: 'nothing',
  alone: 'takes its gradient at the worst point nearby',
  helps: 'beside any other method; twice the time a step',
  options,
  create: sam,
})
