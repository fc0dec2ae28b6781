import { ortNode } from '../src/engine/ort-node.ts'
import { architecture, architectures, exportedTo } from './architectures.ts'
import { type PreparedStep, prepareStep, stepNames } from './bench-steps.ts'

/** A step of bench/steps.ts or bench/models.ts; for the latter PyTorch writes its models into `folder` unless they are there. */
export async function named(
  name: string,
  folder: string,
  python: string,
  blocked = true,
): Promise<PreparedStep> {
  const options = { threads: 1, blocked }
  if (stepNames.includes(name)) return prepareStep(name, options)
  if (!architectures.includes(name))
    throw new Error(`No step is called "${name}"; there are ${[...stepNames, ...architectures].join(', ')}.`)
  return architecture(name, exportedTo(folder, python), await ortNode(options).channelBlock?.())()
}
