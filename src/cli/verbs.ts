import { type VerbName, verbNames } from './summaries.ts'
import type { Verb } from './verb.ts'

/** A verb's file, and all that it needs, is loaded when the verb is asked for: most of what a command takes to begin is loading. */
const loaders: Readonly<Record<VerbName, () => Promise<Verb>>> = {
  quickstart: async () => (await import('./quickstart.ts')).quickstart,
  bench: async () => (await import('./bench.ts')).bench,
  collect: async () => (await import('./collect.ts')).collect,
  worker: async () => (await import('./worker.ts')).worker,
  learn: async () => (await import('./learn.ts')).learn,
  resume: async () => (await import('./resume.ts')).resume,
  report: async () => (await import('./report.ts')).report,
  advise: async () => (await import('./advise.ts')).advise,
  keep: async () => (await import('./keep.ts')).keep,
  update: async () => (await import('./update.ts')).update,
  gate: async () => (await import('./gate.ts')).gate,
  distil: async () => (await import('./distil.ts')).distil,
  merge: async () => (await import('./merge.ts')).merge,
  curve: async () => (await import('./curve.ts')).curve,
  fisher: async () => (await import('./fisher.ts')).fisher,
  grad: async () => (await import('./grad.ts')).grad,
  inspect: async () => (await import('./inspect.ts')).inspect,
  evaluate: async () => (await import('./evaluate.ts')).evaluate,
  generate: async () => (await import('./generate.ts')).generate,
  data: async () => (await import('./data.ts')).data,
  doctor: async () => (await import('./doctor.ts')).doctor,
}

export const openVerb = (name: VerbName): Promise<Verb> => loaders[name]()

/** All verbs, in the order of the overview. */
export const openVerbs = (): Promise<Verb[]> => Promise.all(verbNames.map(openVerb))
