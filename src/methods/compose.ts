import { UsageError } from '../errors.ts'
import { readingAs } from '../evaluate/reader.ts'
import { itemAt } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { whyBorders } from './borders.ts'
import type { ConsolidateContext, Consolidated, Json, Method, MethodState, StepTerms } from './method.ts'
import { consolidationOf } from './past.ts'

/**
 * Several methods as one. Models and batches pass through each in turn, loss terms add up, changes of gradients and
 * parameters follow one another; what each remembers and carries from step to step stays its own. At a task's end each
 * sees the parameters that those before it gave.
 *
 * @throws UsageError `compose-empty` for no methods; `compose-answer` where two say how the model is to be read; `compose-refused` where one
 * makes no sense beside another.
 * @example
 * const method = compose(ewc({ lambda: 100 }), replay({ perClass: 20 }))
 */
export function compose(...methods: readonly Method[]): Method {
  const [only] = methods
  if (!only) throw new UsageError('compose-empty', 'Nothing to compose: name at least one method.')
  if (methods.length === 1) return only
  refusePairs(methods)
  const parts = methods.map((method, index) => partOf(method, index))
  const merged = <T>(each: (part: Part) => ReadonlyMap<string, T> | undefined) =>
    new Map(parts.flatMap((part) => [...under(part, each(part) ?? new Map())]))
  const some = (hook: keyof Method) => methods.some((method) => method[hook] !== undefined)
  return {
    name: methods.map((method) => method.name).join('+'),
    settings: Object.fromEntries(methods.map((method) => [method.name, method.settings])),
    ...(some('prepare') && {
      prepare: (model, task) => methods.reduce((made, { prepare }) => prepare?.(made, task) ?? made, model),
    }),
    ...(some('trains') && {
      trains: (task) => methods.every(({ trains }) => trains?.(task) ?? true),
    }),
    sources: (sources, state, task) =>
      parts.reduce((made, { method, own }) => method.sources?.(made, own(state), task) ?? made, sources),
    ...(some('inputs') && {
      inputs: async (state, task) => {
        const found = await Promise.all(parts.map(({ method, own }) => method.inputs?.(own(state), task)))
        return merged(({ index }) => found[index])
      },
    }),
    ...(some('slots') && {
      slots: (model, state, task) => merged(({ method, own }) => method.slots?.(model, own(state), task)),
    }),
    ...(some('terms') && {
      terms: (context, state, task) =>
        combine(
          parts.map(({ method, own, prefix }) => {
            const inputs = withoutPrefix(context.inputs, prefix)
            const slots = withoutPrefix(context.slots, prefix)
            return method.terms?.({ ...context, inputs, slots }, own(state), task) ?? {}
          }),
          (slots) => merged(({ index }) => slots[index]),
        ),
    }),
    ...(some('consolidate') && {
      consolidate: (state, context) => consolidateAll(parts, state, context),
    }),
    ...(some('corrects') && { corrects: methods.some(({ corrects }) => corrects) }),
    ...(some('answersByGraph') && { answersByGraph: methods.some(({ answersByGraph }) => answersByGraph) }),
    ...(some('oneStream') && { oneStream: methods.find(({ oneStream }) => oneStream)?.oneStream }),
    needsBorders: methods.map(whyBorders).find((reason) => reason !== undefined) ?? false,
    ...(some('refuses') && { refuses: (other) => reasonAgainst(methods, [other]) }),
    ...answerOf(parts),
  }
}

/** What the first of some methods that refuses one of the others says. */
const reasonAgainst = (methods: readonly Method[], others: readonly Method[]): string | undefined =>
  methods
    .flatMap((method) => others.map((other) => (method === other ? undefined : method.refuses?.(other))))
    .find((reason) => reason !== undefined)

function refusePairs(methods: readonly Method[]): void {
  const reason = reasonAgainst(methods, methods)
  if (reason === undefined) return
  const names = methods.map(({ name }) => name).join(' and ')
  throw new UsageError('compose-refused', `${names} cannot be composed. ${reason}`)
}

/** A method in a composition, and where what is its own stands among what is everyone's. */
interface Part {
  readonly method: Method
  readonly index: number
  readonly prefix: string
  readonly own: (state: MethodState) => MethodState
}

function partOf(method: Method, index: number): Part {
  const prefix = `${index}/`
  const own = ({ tensors, values }: MethodState): MethodState => ({
    tensors: withoutPrefix(tensors, prefix),
    // Nothing is remembered before the first task's end.
    values: (values[index] as { readonly [key: string]: Json } | undefined) ?? {},
  })
  return { method, index, prefix, own }
}

const under = <T>({ prefix }: Part, map: ReadonlyMap<string, T>): Map<string, T> =>
  new Map([...map].map(([key, value]) => [`${prefix}${key}`, value]))

async function consolidateAll(
  parts: readonly Part[],
  state: MethodState,
  context: ConsolidateContext,
): Promise<Consolidated> {
  const tensors = new Map<string, Tensor>()
  const values: Record<string, Json> = {}
  const given = new Map<string, Tensor>()
  const moved = new Map<string, Tensor>()
  for (const part of parts) {
    const { method, index, prefix, own } = part
    const { trace } = context
    const parameters = new Map([...context.parameters, ...given])
    const buffers = new Map([...context.buffers, ...moved])
    const after = (await consolidationOf(method, context)?.(own(state), {
      ...context,
      ...{ parameters, buffers },
      // Answers are those of the weights that the methods before gave.
      ...(given.size > 0 && { reader: readingAs(context.reader, new Map([...parameters, ...buffers])) }),
      random: (name) => context.random(`${index}/${name}`),
      trace: trace && { ...trace, slots: withoutPrefix(trace.slots, prefix) },
    })) ?? { state: own(state) }
    for (const [key, tensor] of under(part, after.state.tensors)) tensors.set(key, tensor)
    values[index] = after.state.values
    for (const [name, tensor] of after.parameters ?? []) given.set(name, tensor)
    for (const [name, tensor] of after.buffers ?? []) moved.set(name, tensor)
  }
  return {
    state: { tensors, values },
    ...(given.size > 0 ? { parameters: given } : {}),
    ...(moved.size > 0 ? { buffers: moved } : {}),
  }
}

/** A model can be read in one way only: of two heads in closed form, say, one would be lost without a word. */
function answerOf(parts: readonly Part[]): Pick<Method, 'answer'> {
  const answering = parts.filter(({ method }) => method.answer)
  if (answering.length === 0) return {}
  const { method, own } = itemAt(answering, 0, 'part')
  if (answering.length > 1) {
    const names = answering.map((part) => part.method.name).join(' and ')
    throw new UsageError(
      'compose-answer',
      `${names} each say how the model is to be read at inference, and only one can: leave all but one of them out.`,
    )
  }
  return { answer: (model, state) => method.answer?.(model, own(state)) ?? model }
}

type SlotsOf = NonNullable<StepTerms['slots']>
type Slots = ReturnType<SlotsOf>

function combine(
  terms: readonly StepTerms[],
  merged: (slots: readonly (Slots | undefined)[]) => Slots,
): StepTerms {
  const names = new Set<string>()
  // Two methods may well call their terms alike; each is reported by a name of its own.
  const named = <T extends { readonly name: string }>(part: T): T => {
    let { name } = part
    for (let count = 2; names.has(name); count++) name = `${part.name}-${count}`
    names.add(name)
    return { ...part, name }
  }
  return {
    losses: terms.flatMap((term) => term.losses ?? []).map(named),
    reports: terms.flatMap((term) => term.reports ?? []).map(named),
    nearby: terms.find(({ nearby }) => nearby)?.nearby,
    gradients: (gradients) =>
      terms.reduce((current, term) => term.gradients?.(current) ?? current, gradients),
    updated: (name, parameter) =>
      terms.reduce((current, term) => term.updated?.(name, current) ?? current, parameter),
    moved: (name, buffer) => terms.reduce((current, term) => term.moved?.(name, current) ?? current, buffer),
    slots: (done) => merged(terms.map((term) => term.slots?.(done))),
  }
}
