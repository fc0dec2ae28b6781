import { add, type Emitter, mul, type Value } from '../ops/core/index.ts'
import { required } from '../required.ts'
import type { Named } from './method.ts'

/** The inner product over each parameter. */
export const innerProducts = (emit: Emitter, a: Named, b: Named): Value[] =>
  [...a].map(([name, value]) =>
    emit.op('ReduceSum', [mul(emit, value, required(b, name, 'gradient'))], { keepdims: 0 }),
  )

/** The inner product over all parameters, as one vector. */
export const innerProduct = (emit: Emitter, a: Named, b: Named): Value =>
  innerProducts(emit, a, b).reduce((sum, value) => add(emit, sum, value))
