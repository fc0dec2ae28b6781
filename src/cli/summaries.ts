/** What each verb is for, in the order of the overview: a file of its own, so that the overview loads nothing else. */
export const summaries = {
  quickstart: 'See a model forget, and the same model not forget, in a minute',
  bench: 'Measure methods under a published protocol',
  collect: 'The result of a benchmark whose runs were done in parts',
  worker: 'Do runs that bench --queue asks for, until Ctrl-C',
  learn: 'Learn a stream of tasks as a configuration says',
  resume: 'Go on with a run exactly where it stopped',
  report: 'One self-contained HTML page from runs and benchmarks',
  advise: 'Which method to update a model with, at what cost, by what evidence',
  keep: 'Pack what a model must not forget, for when its data are gone',
  update: 'Teach a model new data, with a budget for what it may forget',
  gate: 'Hold a new model against the old one: pass, fail or too little data',
  distil: 'Teach a smaller model what others answer, and hold it against them',
  merge: 'Several updates of one model as one, without their data',
  curve: 'Old against new accuracy, or texts, on the path between two models',
  fisher: 'The Fisher diagonal of a model: what matters in it',
  grad: 'Loss and gradients of one batch, to check against any other program',
  inspect: 'What a model is, what of it can be trained, and what a step takes',
  evaluate: 'Measure models on texts, labelled rows or probes, side by side',
  generate: 'Continue a text by a language model, or by two side by side',
  data: 'Data sets known by name: list, get, verify',
  doctor: 'What this machine and installation can do, to see or to put into an issue',
} as const

export type VerbName = keyof typeof summaries

export const verbNames = Object.keys(summaries) as readonly VerbName[]

export const isVerb = (name: string): name is VerbName => Object.hasOwn(summaries, name)
