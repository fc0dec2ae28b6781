import { bench } from './bench.ts'
import { collect } from './collect.ts'
import { curve } from './curve.ts'
import { data } from './data.ts'
import { distil } from './distil.ts'
import { evaluate } from './evaluate.ts'
import { fisher } from './fisher.ts'
import { gate } from './gate.ts'
import { generate } from './generate.ts'
import { grad } from './grad.ts'
import { inspect } from './inspect.ts'
import { keep } from './keep.ts'
import { learn } from './learn.ts'
import { quickstart } from './quickstart.ts'
import { report } from './report.ts'
import { resume } from './resume.ts'
import { update } from './update.ts'
import type { Verb } from './verb.ts'

/** All verbs, in the order of the overview. */
export const verbs: readonly Verb[] = [
  quickstart,
  bench,
  collect,
  learn,
  resume,
  report,
  keep,
  update,
  gate,
  distil,
  curve,
  fisher,
  grad,
  inspect,
  evaluate,
  generate,
  data,
]
