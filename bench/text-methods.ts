import { compose, distil, ewc, l2sp, lwf, type Method, none, replay } from '../src/methods/index.ts'
import { present } from '../src/required.ts'

/** A way of learning new texts. */
export interface TextMethod {
  readonly method: Method
  /** Whether it is given what the model was trained on. Default it is not. */
  readonly past?: 'rows' | undefined
  /** Factor of the learning rate. Default 1. */
  readonly rate?: number | undefined
  /** Rank of low-rank updates that train in place of the weights. */
  readonly lora?: number | undefined
  /** How many texts the model writes itself, to be rehearsed in place of old ones. */
  readonly written?: number | undefined
  /** Instead of a method, `update` with this budget: how many more bits, as a share, old texts may need. */
  readonly budget?: number | undefined
}

/** Enough that few rows come twice. */
const perClass = 4000

/** Replay of a share of old rows, with what the given model says of them where it distils. */
function rehearsed(percent: number, distils: boolean): Method {
  const replayed = replay({ perClass, oldShare: percent / 100 })
  return distils ? compose(replayed, distil({ temperature: 1 })) : replayed
}

const share = (percent: number, distils = false): TextMethod => ({
  past: 'rows',
  method: rehearsed(percent, distils),
})

/** In 150 steps of 8 rows 25 % are 300 old rows: a text is rehearsed once or twice. */
const own = (percent: number, distils = false): TextMethod => ({
  written: 200,
  method: rehearsed(percent, distils),
})

/** What has a strength, and the one that it has where none is given: chosen by seed 0, which is none of the table's. */
const makers: Readonly<
  Record<string, { readonly usual: number; readonly make: (strength: number) => TextMethod }>
> = {
  'low rate': { usual: 0.1, make: (rate) => ({ method: none(), rate }) },
  'l2-sp': { usual: 0.03, make: (lambda) => ({ method: l2sp({ lambda }) }) },
  ewc: { usual: 100, make: (lambda) => ({ past: 'rows', method: ewc({ lambda, samples: 500 }) }) },
  lwf: { usual: 1, make: (weight) => ({ method: lwf({ temperature: 1, weight }) }) },
  // Of rank 8; the strength is the factor of the rate.
  lora: { usual: 3, make: (rate) => ({ method: none(), lora: 8, rate }) },
}

const plain: Readonly<Record<string, TextMethod>> = {
  none: { method: none() },
  'replay 1 %': share(1),
  'replay 5 %': share(5),
  'replay 10 %': share(10),
  'replay 25 %': share(25),
  'replay 5 % and distil': share(5, true),
  'self-written 10 %': own(10),
  'self-written 25 %': own(25),
  'self-written 25 % and distil': own(25, true),
  'update 2 %': { method: none(), past: 'rows', budget: 0.02 },
}

export const textMethodNames: readonly string[] = [
  ...['none', ...Object.keys(makers)],
  ...Object.keys(plain).filter((name) => name !== 'none'),
]

/** By its name, and where it has one its strength: `l2-sp=0.1`. */
export function textMethod(name: string): TextMethod {
  const [kind = '', strength] = name.split('=')
  const maker = makers[kind]
  if (maker) return maker.make(strength === undefined ? maker.usual : Number(strength))
  return present(plain[name], `method "${name}"; known are ${textMethodNames.join(', ')}`)
}
