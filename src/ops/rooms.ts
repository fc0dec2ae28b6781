import * as attention from './attention/index.ts'
import * as contrib from './contrib/index.ts'
import * as conv from './conv/index.ts'
import * as elementwise from './elementwise/index.ts'
import * as gather from './gather/index.ts'
import * as norm from './norm/index.ts'
import * as pool from './pool/index.ts'
import * as products from './products/index.ts'
import * as recurrent from './recurrent/index.ts'
import * as reduce from './reduce/index.ts'
import * as resize from './resize/index.ts'
import * as shape from './shape/index.ts'

/** What the rooms of ops export: definitions, composites and the helpers that other rooms use. */
export const exported: readonly unknown[] = [
  attention,
  contrib,
  conv,
  elementwise,
  gather,
  norm,
  pool,
  products,
  recurrent,
  reduce,
  resize,
  shape,
].flatMap((room) => Object.values<unknown>(room))
