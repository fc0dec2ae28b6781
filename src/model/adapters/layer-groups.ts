import type { Model } from '../model.ts'
import { weightLayers } from './select.ts'

/** Parameters that move together. */
export interface LayerGroup {
  readonly name: string
  readonly parameters: readonly string[]
}

/** Groups at most: more than this nobody looks at. */
const GROUPS = 8

/** The layers with weights from the input to the head, neighbours put together where there are many; the head stays alone. */
export function layerGroups(model: Model): LayerGroup[] {
  const layers = weightLayers(model)
  const body = layers.slice(0, -1)
  const size = Math.max(1, Math.ceil(body.length / (GROUPS - 1)))
  const groups = Array.from({ length: Math.ceil(body.length / size) }, (_, at) =>
    body.slice(at * size, (at + 1) * size),
  )
  return [...groups, layers.slice(-1)].map((group) => {
    const parameters = group.flat()
    return { name: nameOf(group), parameters }
  })
}

/** The first weight of the group and, of several layers, the last layer's. */
function nameOf(group: readonly (readonly string[])[]): string {
  const names = group.map(([first = '']) => first)
  const [first = ''] = names
  return names.length > 1 ? `${first} to ${names.at(-1)}` : first
}
