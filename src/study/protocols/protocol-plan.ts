import { count } from '../../count.ts'
import { UsageError } from '../../errors.ts'
import { createMethod, type MethodOptions, methodOptions, methodParts } from '../../methods/registry.ts'
import type { Scenario } from '../../tasks/stream.ts'
import {
  type PlanInput,
  parsePlan,
  planSchema,
  type RunPlan,
  refuseBorders,
  withPlaces,
} from '../../train/plan/index.ts'
import { changedPlaces } from './changed-places.ts'
import { GIVEN, type Protocol, type ProtocolOverrides, type ProtocolPart } from './protocol.ts'

interface RunOfProtocol {
  readonly method: string
  readonly scenario: Scenario
  readonly seed: number
}

/**
 * One run of a benchmark. Joint training takes the same steps at every task, on all data so far: summed over the tasks
 * that is the published "iterations times the number of tasks".
 *
 * @throws UsageError `method-unknown`, `method-option`, `compose-refused`, `protocol-scenario`, `protocol-model`, `protocol-data`, `protocol-tasks`, `protocol-borders` for what
 * the protocol cannot do, `method-borders` for a method that cannot learn its stream, and `config` for settings that make no sense.
 * @example
 * const plan = protocolPlan(await readProtocol('split-mnist'), { method: 'ewc', scenario: 'class', seed: 1 })
 */
export function protocolPlan(
  protocol: Protocol,
  run: RunOfProtocol,
  changed: ProtocolOverrides = {},
): RunPlan {
  const { name, version, sha256, scenarios } = protocol
  if (!scenarios.includes(run.scenario)) {
    throw new UsageError(
      'protocol-scenario',
      `${name} has no ${run.scenario} scenario; it has ${scenarios.join(', ')}.`,
    )
  }
  const plan = planOf(protocol, run, changed)
  // Before any of the runs begins.
  const method = createMethod(plan.method.name, plan.method.options)
  if (plan.stream.borders) refuseBorders(method)
  const places = changedPlaces(planOf(protocol, run, publishedBut(changed)), plan)
  const mark = { name, version, sha256, ...(places.length > 0 && { changed: places }) }
  return withPlaces({ ...plan, protocol: mark }, protocol.place)
}

/**
 * Whether joint training is a method, or a part of it: then it has steps of its own ({@link ProtocolOverrides.jointIterations}).
 *
 * @throws UsageError `method-unknown`.
 */
export const trainsJointly = (method: string): boolean =>
  methodParts(method).some(({ name }) => name === 'joint')

/** What changes no result, or cannot be left out. */
const publishedBut = ({ model, threads, device, evaluateEvery, checkpointEvery }: ProtocolOverrides) => ({
  ...{ model, threads, device, evaluateEvery, checkpointEvery },
})

function planOf(protocol: Protocol, run: RunOfProtocol, changed: ProtocolOverrides): RunPlan {
  const { method, scenario, seed } = run
  const { name, run: common, seeded } = protocol
  const known = methodOptions(method)
  const part = partsFor(protocol, run)
  // An option left undefined keeps the protocol's value.
  const asked = Object.entries(changed.options ?? {}).filter(([, value]) => value !== undefined)
  const options = Object.entries({ ...part.options, ...Object.fromEntries(asked) })
  const steps = (trainsJointly(method) ? changed.jointIterations : undefined) ?? changed.iterations
  const seeds = Object.fromEntries(seeded.map((setting) => [setting, seed]))
  return parsePlan(
    defined({
      name,
      ...common,
      data: dataOf(protocol, changed),
      stream: { ...streamOf(protocol, changed.tasks), ...bordersOf(protocol, changed), ...seeds, scenario },
      model: modelOf(protocol, changed),
      method: { name: method, options: Object.fromEntries(options.filter(([option]) => option in known)) },
      optimiser: optimiserOf(part.optimiser, changed),
      learningRate: changed.learningRate ?? part.learningRate,
      iterations: steps ?? part.iterations,
      epochs: steps === undefined ? part.epochs : undefined,
      batchSize: changed.batchSize ?? part.batchSize,
      seed,
      ...{ evaluateEvery: changed.evaluateEvery, checkpointEvery: changed.checkpointEvery },
      ...{ threads: changed.threads, device: changed.device },
    }),
    `${name} with these settings`,
  )
}

/** What holds for a method in a scenario: the method's own before the scenario's, these before what is common to all. */
function partsFor(protocol: Protocol, { method, scenario }: RunOfProtocol): ProtocolPart {
  const inside = protocol.in?.[scenario]
  const layers = [
    { ...protocol.run, options: protocol.options },
    inside,
    protocol.methods?.[method],
    inside?.methods?.[method],
  ] as readonly (ProtocolPart | undefined)[]
  return layers.reduce<ProtocolPart>((below, layer = {}) => {
    const { options, learningRate, optimiser, iterations, epochs, batchSize } = layer
    const timed = iterations !== undefined || epochs !== undefined
    return {
      options: { ...below.options, ...options },
      learningRate: learningRate ?? below.learningRate,
      optimiser: optimiser ?? below.optimiser,
      iterations: timed ? iterations : below.iterations,
      epochs: timed ? epochs : below.epochs,
      batchSize: batchSize ?? below.batchSize,
    }
  }, {})
}

function dataOf({ name, run }: Protocol, { source, limit }: ProtocolOverrides): PlanInput['data'] {
  if (source !== undefined && run.stream.kind === 'list') {
    throw new UsageError(
      'protocol-data',
      `${name} names data for each of its tasks, so --data cannot say which; leave it out, or write the tasks into a protocol of your own (holdfast bench ${name} --show prints this one).`,
    )
  }
  return { ...run.data, ...(source !== undefined && { source }), ...(limit && { limit }) }
}

function modelOf({ name, run }: Protocol, { model: file, hidden }: ProtocolOverrides): PlanInput['model'] {
  const { model = { kind: 'mlp' } } = run
  if (hidden && model.kind !== 'mlp') {
    throw new UsageError(
      'protocol-model',
      `${name} trains a model of kind ${model.kind}, which has no hidden layers to choose; leave out --hidden.`,
    )
  }
  if (model.kind !== 'onnx') {
    if (file === undefined) return hidden ? ({ ...model, hidden: [...hidden] } as PlanInput['model']) : model
    throw new UsageError(
      'protocol-model',
      `${name} trains a model of kind ${model.kind}, which it builds anew; leave out --model.`,
    )
  }
  if (file === undefined && model.path === GIVEN) {
    throw new UsageError(
      'protocol-model',
      `${name} trains a model that has to be given. Name its file: --model model.onnx`,
    )
  }
  return { ...model, path: file ?? model.path }
}

function streamOf({ name, run, classes }: Protocol, tasks: number | undefined): object {
  const { stream } = run
  if (tasks === undefined) return stream
  switch (stream.kind) {
    case 'permuted':
      return { ...stream, tasks }
    case 'rotated':
      return stream.angles ? { ...stream, angles: first(name, stream.angles, tasks) } : { ...stream, tasks }
    case 'list':
      return { ...stream, tasks: first(name, stream.tasks, tasks) }
    case 'split':
      if (stream.groups) return { ...stream, groups: first(name, stream.groups, tasks) }
      if (classes !== undefined && classes % tasks !== 0) {
        throw new UsageError(
          'protocol-tasks',
          `The ${classes} classes of ${name} cannot be dealt evenly to ${count(tasks, 'task')} (--tasks); they can be to ${divisors(classes).join(', ')}.`,
        )
      }
      if (classes !== undefined) return { ...stream, classesPerTask: classes / tasks }
      throw new UsageError(
        'protocol-tasks',
        `${name} does not say how many classes its data have, so that they cannot be divided over ${tasks} tasks; leave out --tasks, or write classes: N into the protocol.`,
      )
  }
}

/** Of a stream whose borders nobody is told. */
function bordersOf({ name, run }: Protocol, { borders }: ProtocolOverrides): object {
  if (!borders) return {}
  if (borders.width === undefined && !run.stream.borders) {
    throw new UsageError(
      'protocol-borders',
      `${name} tells where tasks end, so that its borders have no shape (--border-shape). Give their width, too (--border-width): then nobody is told.`,
    )
  }
  return { borders: defined({ ...run.stream.borders, ...defined(borders) }) }
}

function first<Item>(name: string, items: readonly Item[], wanted: number): Item[] {
  if (wanted <= items.length) return items.slice(0, wanted)
  throw new UsageError(
    'protocol-tasks',
    `${name} has ${count(items.length, 'task')}, but ${wanted} were asked for (--tasks).`,
  )
}

const divisors = (whole: number): number[] =>
  Array.from({ length: whole }, (_, at) => at + 1).filter((part) => whole % part === 0)

const hasMomentum = (optimiser: string): boolean =>
  planSchema.shape.optimiser
    .unwrap()
    .options.some(({ shape }) => shape.name.value === optimiser && 'momentum' in shape)

function optimiserOf(
  own: PlanInput['optimiser'] = { name: 'adam' },
  { optimiser = own.name, momentum }: ProtocolOverrides,
): object {
  if (momentum !== undefined && !hasMomentum(optimiser)) {
    throw new UsageError(
      'option-unused',
      `The optimiser is ${optimiser}, which has no momentum (--momentum); leave it out, or ask for one that has: --optimiser sgd`,
    )
  }
  return {
    ...(optimiser === own.name ? own : { name: optimiser }),
    ...(momentum !== undefined && { momentum }),
  }
}

const defined = (settings: object): object =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))

/**
 * Checks that every option set by the caller is one that some of the methods have.
 *
 * @throws UsageError `option-unused`.
 */
export function checkOptionsUsed(methods: readonly string[], options: MethodOptions): void {
  const known = new Set(methods.flatMap((name) => Object.keys(methodOptions(name))))
  const unused = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || known.has(name) ? [] : [name],
  )
  if (unused.length === 0) return
  throw new UsageError(
    'option-unused',
    `None of the methods ${methods.join(', ')} has the option ${unused.join(', ')}. Leave it out, or add the method it is for.`,
  )
}
