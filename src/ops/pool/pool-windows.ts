import { ModelError } from '../../errors.ts'
import { type WindowAxis, type WindowContext, windowAxes } from '../conv/index.ts'
import { nodeLabel, required, type Value } from '../core/index.ts'

/** The windows of a pooling node over the spatial axes of its input. */
export function poolAxes(
  context: WindowContext & { readonly inputs: readonly (Value | undefined)[] },
): WindowAxis[] {
  const spatial = required(context, 0).dims.slice(2)
  const kernel = context.attributes.ints('kernel_shape')
  if (spatial.length === 0 || kernel?.length !== spatial.length) {
    throw new ModelError(
      'kernel-shape',
      `${nodeLabel(context)}: kernel_shape should hold one number for each of the ${spatial.length} spatial axes of ` +
        `the input, but is [${kernel ?? ''}].`,
    )
  }
  return windowAxes(context, spatial, kernel, context.attributes.int('ceil_mode', 0) !== 0)
}
