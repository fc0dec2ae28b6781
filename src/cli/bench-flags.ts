import { resolve } from 'node:path'
import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import type { ProtocolOverrides } from '../study/protocols/index.ts'
import { borderFlags, bordersAsked } from './border-flags.ts'
import { fromText, group, limit, path } from './flags/index.ts'
import { methodOptionsOf } from './method-flags.ts'
import type { CommonSettings } from './verb.ts'

/** Where digits come from, and how many. */
export const digitsFlags = group('Data', {
  data: path('NAME').optional().meta({ description: 'mnist, synthetic, or a path', otherwise: 'mnist' }),
  limit: limit().optional().meta({ description: 'At most so many training and test samples: quick tries' }),
})

const steps = (description: string) => fromText(bounds.steps()).optional().meta({ description })

/** What can be changed in a protocol, as flags; what is not given stays as published. */
export const protocolFlags = {
  ...digitsFlags,
  ...group('Protocol', {
    model: path('FILE')
      .optional()
      .meta({ description: 'Model to train, where the protocol is about one that is given' }),
    tasks: fromText(bounds.tasks()).optional().meta({ description: 'Number of tasks' }),
    iterations: steps('Steps a task'),
    jointIterations: steps('Steps a task of joint training'),
    batch: fromText(bounds.batch())
      .optional()
      .meta({ description: 'Rows of new data a step', option: 'batchSize' }),
    lr: fromText(bounds.learningRate())
      .optional()
      .meta({ description: 'Learning rate', option: 'learningRate' }),
    optimiser: fromText(z.enum(['sgd', 'adam', 'adamw', 'rmsprop']))
      .optional()
      .meta({ description: 'The optimiser' }),
    momentum: fromText(bounds.momentum()).optional().meta({ description: 'Momentum of sgd and rmsprop' }),
    hidden: fromText(z.array(bounds.width()).min(1))
      .optional()
      .meta({ description: 'Units of the hidden layers', hint: '400,400' }),
    evaluateEvery: steps('Steps between measurements within a task'),
    checkpointEvery: steps('Steps between checkpoints within a task'),
  }),
  ...borderFlags,
}

type ProtocolSettings = z.output<z.ZodObject<typeof protocolFlags>> & CommonSettings

/** The flags' values as changes of a protocol. */
export const overridesOf = (asked: ProtocolSettings): ProtocolOverrides => ({
  source: asked.data,
  model: asked.model === undefined ? undefined : resolve(asked.model),
  limit: asked.limit,
  tasks: asked.tasks,
  borders: bordersAsked(asked, {}),
  iterations: asked.iterations,
  jointIterations: asked.jointIterations,
  batchSize: asked.batch,
  learningRate: asked.lr,
  hidden: asked.hidden,
  optimiser: asked.optimiser,
  momentum: asked.momentum,
  evaluateEvery: asked.evaluateEvery,
  checkpointEvery: asked.checkpointEvery,
  threads: asked.threads,
  device: asked.device,
  options: methodOptionsOf(asked),
})
