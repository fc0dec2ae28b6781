export { type ListedTask, listStream } from './list.ts'
export { type SplitOptions, splitStream } from './split.ts'
export { jointUpTo, lazyTask, type Scenario, type Task, type TaskStream } from './stream.ts'
export { type PermutedOptions, permutedStream, type RotatedOptions, rotatedStream } from './variants.ts'
