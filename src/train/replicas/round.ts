import type { Json, MethodState } from '../../methods/method.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Steps of a task that replicas do without hearing of each other. */
export interface RoundPlace {
  readonly task: number
  /** The first step, and how many. */
  readonly from: number
  readonly count: number
  /** Steps of the optimiser before it. */
  readonly updates: number
}

/** Where the samplers of a replica stand, by source. */
export type Samplers = { readonly [source: string]: Json }

/** All that a round is made from: the same gives the same bits, wherever its replicas compute. */
export interface Round {
  readonly place: RoundPlace
  /** What steps change: parameters, buffers, the optimiser's moments, the method's slots. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Of the outer momentum, by parameter. */
  readonly velocity: ReadonlyMap<string, Tensor>
  readonly method: MethodState
  /** By the number of the replica; nothing where it has not begun the task. */
  readonly samplers: { readonly [replica: string]: Samplers }
}

/** What one replica came to. */
export interface Delivery {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly samplers: Samplers
  /** Means over its steps, by term, and the reports. */
  readonly losses: Readonly<Record<string, number>>
}

/** What a round came to. */
export interface RoundEnd {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly velocity: ReadonlyMap<string, Tensor>
  readonly samplers: { readonly [replica: string]: Samplers }
  readonly losses: Readonly<Record<string, number>>
  /** Replicas that did not deliver. */
  readonly missed: readonly number[]
  /** That replicas read and wrote. */
  readonly bytes: number
}

/** Has a round done, and averages what was delivered. */
export type DoRound = (round: Round) => Promise<RoundEnd>
