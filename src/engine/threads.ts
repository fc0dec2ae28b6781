/**
 * Ops whose last bits depend on the number of threads. ONNX Runtime divides a product [M, K] x [K, N] with N > M between
 * threads by columns, and sums over K in blocks whose length follows the columns that one thread has: with 64 columns or
 * fewer the blocks are longer, so that the same numbers are added in another order. (Einsum is computed as MatMul; Gemm with
 * transA = 1 and products with M >= N do not differ.) Every other op gave the same bits on 1, 2 and 4 threads:
 * `test/threads.test.ts`. This is why a run keeps the number of threads that it began with.
 */
export const threadDependentOps: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'Einsum'])
