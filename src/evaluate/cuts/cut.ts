import type { DType } from '../../tensor/tensor.ts'

/** Where a model can be taken apart. */
export interface Place {
  /** Values of the graph, by name, through which everything passes that the logits depend on of the input. */
  readonly values: readonly string[]
  /** Of each value. */
  readonly types: readonly DType[]
  /** Of each value, without the batch; undefined where they are not known. */
  readonly dims: readonly (readonly number[] | undefined)[]
  /** Of a row of the data that the dims were found for; undefined where they were not needed. */
  readonly rowDims?: readonly number[] | undefined
}

/** What stands on one side of a cut. */
export interface Side {
  /** Names of parameters. */
  readonly parameters: readonly string[]
  /** Numbers in these parameters. */
  readonly elements: number
  /** Multiply-adds a row forward. */
  readonly work: number
}

/**
 * A place in the graph with weights above and below it. The first of its values is what the layers below have computed;
 * others, if any, depend on the input but on no weight, and are read above, too: an attention mask.
 */
export interface Cut extends Place {
  readonly dims: readonly (readonly number[])[]
  /** Values a row, all together. */
  readonly floats: number
  /** Towards the logits. */
  readonly above: Side
  /** Towards the input. */
  readonly below: Side
}

/** A cut before its work is counted. */
export type UnweighedCut = Omit<Cut, 'above' | 'below'> & {
  readonly above: Omit<Side, 'work'>
  readonly below: Omit<Side, 'work'>
}
