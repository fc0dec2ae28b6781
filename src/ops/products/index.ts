export * from './einsum.ts'
export { equationOf } from './einsum-equation.ts'
export * from './gemm.ts'
export * from './matmul.ts'
