/**
 * Ops whose last bits depend on the number of threads, in ONNX Runtime 1.30 on x64.
 *
 * - A product [M, K] x [K, N] with N > M is divided between threads by columns, and sums over K in blocks whose length follows the
 *   columns that one thread has: with 64 columns or fewer the blocks are longer, so that the same numbers are added in another
 *   order. (Einsum is computed as MatMul; Gemm with transA = 1 and products with M >= N were not seen to differ.)
 * - Sums and means over some axes are divided likewise.
 * - Logarithms of many numbers are taken several at a time, and the few that are left at the end of each thread's part one by one,
 *   by another formula: Log, Softplus, Mish.
 * - LSTM computes the rows of a batch together on one thread, and apart on several.
 *
 * Every other op of the table gave the same bits on 1, 2 and 4 threads: `test/threads.test.ts`. This is why a run keeps the number of
 * threads that it began with; on one number its bits are the same each time.
 */
export const threadDependentOps: ReadonlySet<string> = new Set([
  'MatMul',
  'Gemm',
  'Einsum',
  'ReduceSum',
  'ReduceMean',
  'Log',
  'Softplus',
  'Mish',
  'LSTM',
])
