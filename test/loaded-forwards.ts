import { afterAll } from 'vitest'
import type { CompositeDefinition } from '../src/ops/core/composite.ts'
import type { OpCase, OpDefinition } from '../src/ops/core/define.ts'
import { type Forward, loadForward } from './op-cases.ts'

/** Each case's node is loaded once for all its tests: most of their time goes into loading. */
export function loadedForwards(
  definition: OpDefinition | CompositeDefinition,
): (item: OpCase) => Promise<Forward> {
  const loaded = new Map<OpCase, Promise<Forward>>()
  afterAll(async () => {
    for (const forward of await Promise.allSettled(loaded.values()))
      if (forward.status === 'fulfilled') await forward.value.executable.dispose()
    loaded.clear()
  })
  return (item) => {
    const forward = loaded.get(item) ?? loadForward(definition, item)
    loaded.set(item, forward)
    return forward
  }
}
