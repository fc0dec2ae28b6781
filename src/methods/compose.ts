import { UsageError } from '../errors.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Json, Method, MethodState, StepTerms } from './method.ts'

/**
 * Several methods as one: batches pass through each in turn, loss terms add up, gradient changes follow one another.
 * What each remembers stays its own.
 *
 * @throws UsageError `compose-empty` for no methods.
 * @example
 * const method = compose(ewc({ lambda: 100 }), replay({ perClass: 20 }))
 */
export function compose(...methods: readonly Method[]): Method {
  const [only] = methods
  if (!only) throw new UsageError('compose-empty', 'Nothing to compose: name at least one method.')
  if (methods.length === 1) return only
  const own = (state: MethodState, index: number): MethodState => ({
    tensors: withoutPrefix(state.tensors, `${index}/`),
    values: (state.values[String(index)] as { readonly [key: string]: Json } | undefined) ?? {},
  })
  return {
    name: methods.map((method) => method.name).join('+'),
    settings: Object.fromEntries(methods.map((method) => [method.name, method.settings])),
    sources: (sources, state, task) =>
      methods.reduce(
        (parts, method, index) => method.sources?.(parts, own(state, index), task) ?? parts,
        sources,
      ),
    inputs: (state, task) =>
      new Map(
        methods.flatMap((method, index) => [
          ...addPrefix(method.inputs?.(own(state, index), task) ?? new Map(), `${index}/`),
        ]),
      ),
    terms: (context, state, task) =>
      combine(
        methods.map(
          (method, index) =>
            method.terms?.(
              { ...context, inputs: withoutPrefix(context.inputs, `${index}/`) },
              own(state, index),
              task,
            ) ?? {},
        ),
      ),
    consolidate: async (state, context) => {
      const tensors = new Map<string, Tensor>()
      const values: Record<string, Json> = {}
      for (const [index, method] of methods.entries()) {
        const before = own(state, index)
        const after =
          (await method.consolidate?.(before, {
            ...context,
            random: (name) => context.random(`${index}/${name}`),
          })) ?? before
        for (const [key, tensor] of addPrefix(after.tensors, `${index}/`)) tensors.set(key, tensor)
        values[index] = after.values
      }
      return { tensors, values }
    },
  }
}

const addPrefix = <T>(map: ReadonlyMap<string, T>, prefix: string): Map<string, T> =>
  new Map([...map].map(([key, value]) => [`${prefix}${key}`, value]))

function combine(terms: readonly StepTerms[]): StepTerms {
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
    gradients: (gradients) =>
      terms.reduce((current, term) => term.gradients?.(current) ?? current, gradients),
    updated: (name, parameter) =>
      terms.reduce((current, term) => term.updated?.(name, current) ?? current, parameter),
  }
}
